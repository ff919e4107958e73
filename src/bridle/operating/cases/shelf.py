"""Where case types lie: `case-types/NAME.yaml`, in the project first, then what ships.

Rules
  1. Types that Bridle itself needs come first, so that nobody can replace them. Then the folders `case-types` and
     `bridle/case-types`, in the folder that a command is called in and at the top of its repository; then the samples. The first
     that has the name decides.
  2. The name in the file is the file's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bridle.agent.shelf import find_top, read_text
from bridle.core.errors import InputError
from bridle.operating.cases.case_type import CaseType
from bridle.operating.cases.reading import NAME, read_case_type
from bridle.pipeline.complaint import suggest

OWN = Path(__file__).parent / "types"
FOLDERS = ("case-types", "bridle/case-types")


def list_case_roots(folder: Path, *, shipped: Path) -> tuple[Path, ...]:
    """Return the folders in which a process that works in `folder` seeks case types, in its order."""
    places = dict.fromkeys((folder.absolute(), find_top(folder)))
    return (OWN, *(place / name for place in places for name in FOLDERS), shipped)


def load_case_type(name: str, *, roots: Sequence[Path]) -> CaseType:
    """Return the case type of a name; raise InputError that lists what there is."""
    files = list_files(roots)
    if name not in files:
        hint = suggest(name, files, otherwise=f"there are {', '.join(files) or 'none'}: bridle case types")
        raise InputError(f"there is no case type {name[:80]!r}", hint=hint, reason="no-case-type")
    path = files[name]
    found = read_case_type(read_text(path), source=str(path))
    if found.name != name:
        raise InputError(
            f"it declares the case type {found.name!r}",
            where=str(path),
            hint=f"name the file {found.name}.yaml",
            reason="other-name",
        )
    return found


def survey(roots: Sequence[Path]) -> tuple[dict[Path, CaseType], dict[Path, InputError]]:
    """Return the case types that can be opened, and what is wrong with the files that declare none, each by its file."""
    types: dict[Path, CaseType] = {}
    faults: dict[Path, InputError] = {}
    for name, path in list_files(roots).items():
        try:
            types[path] = load_case_type(name, roots=roots)
        except InputError as fault:
            faults[path] = fault
    for path in (path for root in roots if root.is_dir() for path in root.glob("*.y*ml")):
        if path.suffix != ".yaml" or not NAME.fullmatch(path.stem):
            hint = "name it after the type: small letters, digits and hyphens, then .yaml"
            faults[path] = InputError("its name is none of a case type", where=str(path), hint=hint)
    return types, faults


def list_files(roots: Sequence[Path]) -> dict[str, Path]:
    """Return the files of case types by name, sorted."""
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.glob("*.yaml")) if root.is_dir() else ():
            if NAME.fullmatch(path.stem):
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))
