"""Where agents lie, and which one a reference means.

Rules
  1. `publisher.name@1.2.3` is that version; `@1.2`, `@1` and no version are the newest that begins so.
  2. An agent lies at `<root>/<publisher>.<name>/<version>.md`, `.yaml` or `.yml`. The first root that has the name
     decides alone: a project's folder cannot slip a newer version under a shipped name, nor the other way round.
  3. A project's folders are `agents` and `bridle/agents`, in the folder that a command is called in and at the top of its
     repository, found as git does: the nearest folder upwards that holds `.git`.
  4. The file's own name and version have to be those of its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bridle.agent.definition import AgentDefinition
from bridle.agent.forms import parse_agent
from bridle.core.decoding import decode
from bridle.core.errors import InputError

REFERENCE = re.compile(r"([a-z0-9][a-z0-9_-]*)\.([a-z0-9][a-z0-9._-]*?)(?:@(\d+(?:\.\d+){0,2}))?")
VERSION = re.compile(r"\d+\.\d+\.\d+")
INLINE = "inline"  # the publisher of agents without a file, who have no other
SUFFIXES = (".md", ".yaml", ".yml")


def find_top(folder: Path) -> Path:
    """Return the top of the repository that `folder` lies in; `folder` itself when it lies in none."""
    folder = folder.absolute()
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


def list_roots(folder: Path, *, shipped: Path) -> tuple[Path, ...]:
    """Return the folders in which a process that works in `folder` seeks agents, in its order."""
    places = dict.fromkeys((folder.absolute(), find_top(folder)))
    return (*(place / name for place in places for name in ("agents", "bridle/agents")), shipped)


def load_agent(uses: str, *, roots: Sequence[Path]) -> AgentDefinition:
    """Return the agent that `uses` means; raise InputError that lists what there is."""
    match = REFERENCE.fullmatch(uses)
    if match is None:
        raise InputError(
            f"{uses!r} is no reference to an agent", hint="write publisher.name@1.0.0", reason="bad-reference"
        )
    if match[1] == INLINE:
        hint = "name another publisher"
        raise InputError(
            f"{uses!r} would be an agent that stands in a step", hint=hint, reason="reserved-publisher"
        )
    name, wanted = f"{match[1]}.{match[2]}", match[3] or ""
    found = _versions(name, roots=roots)
    fitting = [version for version in found if version == wanted or _begins(version, wanted)]
    if not fitting:
        raise InputError(
            f"there is no agent {uses!r}", hint=_what_there_is(name, found, roots), reason="no-agent"
        )
    version = max(fitting, key=_order)
    return parse_agent(
        read_text(found[version]), file=str(found[version]), name=name, version=version, owner=match[1]
    )


def find_file(definition: AgentDefinition, *, roots: Sequence[Path]) -> Path:
    """Return the file that a loaded definition was read from."""
    return _versions(definition.name, roots=roots)[definition.version]


def list_agents(roots: Sequence[Path]) -> list[str]:
    """Return every reference there is, as `publisher.name@1.0.0`, sorted."""
    names = {folder.name for root in roots if root.is_dir() for folder in root.iterdir() if folder.is_dir()}
    return [
        f"{name}@{version}"
        for name in sorted(names)
        for version in sorted(_versions(name, roots=roots), key=_order)
    ]


def read_text(path: Path) -> str:
    """Read an agent's file; raise InputError when that cannot be done."""
    try:
        return decode(path.read_bytes(), where=str(path))
    except OSError as exc:
        hint = "let whoever runs bridle read it"
        raise InputError(f"cannot be read: {exc.strerror}", where=str(path), hint=hint) from exc


def _versions(name: str, *, roots: Sequence[Path]) -> dict[str, Path]:
    for root in roots:
        folder = root / name
        if folder.is_dir():
            files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
            return {path.stem: path for path in files if VERSION.fullmatch(path.stem)}
    return {}


def _begins(version: str, wanted: str) -> bool:
    return not wanted or version.startswith(wanted + ".")


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _what_there_is(name: str, found: dict[str, Path], roots: Sequence[Path]) -> str:
    if found:
        return f"{name} has " + ", ".join(sorted(found, key=_order))
    return "there are " + (", ".join(list_agents(roots)) or "none in " + ", ".join(map(str, roots)))
