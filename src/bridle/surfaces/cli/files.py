"""Reads what people hand to the command line, pipeline files and inputs, and writes the files that they ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.input_sets import read_input_set
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.plan import Plan

LARGEST_FILE_BYTES = 1 << 20


def read_plan(path: Path, *, given: Sequence[str] = ()) -> Plan:
    """Read a pipeline file, with the templates that it uses; raise InputError with the place of every fault.

    `given` holds what `--input` was given.
    """
    from bridle.surfaces.cli.locking import read_locked

    runtime = split_runtime(given)
    return read_locked(read_text(path), source=str(path), folder=path.parent, runtime=runtime)


def split_runtime(given: Sequence[str]) -> dict[str, str]:
    """Return what is given for runtime inputs, by their place."""
    return {name: text for name, text in _split_pairs(given).items() if _is_path(name)}


def open_sets(folder: Path) -> Callable[[str], str | None]:
    """Return what finds the policy sets of pipelines that lie in `folder`."""
    return partial(_read_set, folder / "policies")


def _read_set(folder: Path, name: str) -> str | None:
    path = folder / f"{name}.rego"
    return read_text(path) if path.is_file() else None


def read_text(path: Path) -> str:
    """Read a text file written by a person; raise InputError when it is missing, too large or not UTF-8."""
    return decode_text(open_bytes(path, most_bytes=LARGEST_FILE_BYTES + 1), path)


def decode_text(data: bytes, path: Path) -> str:
    """Return what a person wrote as text; raise InputError when it is too large or not UTF-8."""
    if len(data) > LARGEST_FILE_BYTES:
        raise InputError(
            f"larger than {LARGEST_FILE_BYTES} bytes",
            where=str(path),
            hint="check that it is the file you mean",
            reason="too-large",
        )
    return _decode(data, path)


def open_text(path: Path) -> str:
    """Read a text file of any size; raise InputError when it is missing or not UTF-8."""
    return _decode(open_bytes(path), path)


def open_bytes(path: Path, *, most_bytes: int = -1) -> bytes:
    """Read a file, or its first `most_bytes`; raise InputError when that cannot be done."""
    try:
        with path.open("rb") as file:
            return file.read(most_bytes)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check the path", reason="no-file"
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, and the folder it lies in; raise InputError when that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="name a place that is yours and has room",
            reason="not-written",
        ) from error


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", where=str(path), hint="save it as UTF-8", reason="not-utf-8"
        ) from error


def parse_inputs(plan: Plan, given: Sequence[str], *, sets: Sequence[Path] = ()) -> dict[str, Json]:
    """Read `name=value` pairs as the plan declares them, over the values of input sets; the last one of a name counts.

    Values of runtime inputs are in the plan already. Raise InputError.
    """
    values: dict[str, Json] = {}
    for path in sets:
        values |= read_input_set(read_text(path), source=str(path), find=partial(_find_set, path.parent))
    values |= {name: text for name, text in _split_pairs(given).items() if not _is_path(name)}
    return dict(resolve_inputs(plan, values))


def check_inputs(plan: Plan, given: Sequence[str], *, sets: Sequence[Path] = ()) -> None:
    """Raise InputError unless the plan could be run with these inputs; where none is given for a declared one, all is well."""
    if sets or any(not _is_path(name) for name in _split_pairs(given)):
        parse_inputs(plan, given, sets=sets)


def _find_set(folder: Path, name: str) -> str:
    """Return the text of the input set that an overlay names: a file beside it."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        hint = "name a file beside it, without .yaml"
        raise InputError(f"{name[:80]!r} names no input set", reason="bad-input-set-name", hint=hint)
    return read_text(folder / f"{name}.yaml")


def _split_pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"{pair!r} is not NAME=VALUE", hint="write --input branch=main")
        pairs[name] = text
    return pairs


def _is_path(name: str) -> bool:
    """True for the place of a runtime input; what a pipeline declares has no dot in its name."""
    return "." in name
