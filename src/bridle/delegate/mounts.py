"""From a boundary's globs to what a sandbox can mount: paths that exist.

Rules
  1. `write`: the folder before the first wildcard, or the path itself. What does not exist cannot be mounted,
     so a command cannot make it (the edit tool can); its parent is not opened in its stead.
  2. `protect`: every existing path that a glob covers and that lies where something may be written. A folder
     whose whole content is covered is mounted as one, so that nothing new appears in it either.
  3. Too many single protected files to mount: refused, never cut short.

Mounts are coarser than globs. What slips between the two is found by the difference that is recomputed
before a commit.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridle.core.boundary import Boundary, clean_path, matches_any
from bridle.core.errors import ExecutionError
from bridle.delegate.limits import TreeLimits
from bridle.delegate.tree import Found, Kind, walk

MAX_READ_ONLY = 500
_WILD = "*?"


@dataclass(frozen=True)
class Mounts:
    """Existing paths, relative to the workspace, as `SandboxPolicy` wants them."""

    writable: tuple[str, ...]
    read_only: tuple[str, ...]


def find_mounts(root_fd: int, boundary: Boundary, *, limits: TreeLimits) -> Mounts:
    """Look at a workspace and return what of it can be written, and what therein cannot."""
    found = [item for item in walk(root_fd, limits=limits) if item.kind is not Kind.LINK]
    existing = {"."} | {
        "/".join(parts[:length]) for parts in _split(found) for length in range(1, len(parts) + 1)
    }
    prefixes = {static_prefix(pattern) for pattern in boundary.write} & existing
    writable = _outermost(prefixes)
    inside = [item for item in found if any(_covers(path, item.path) for path in writable)]
    whole = tuple(pattern[:-3] for pattern in boundary.protect if pattern.endswith("/**"))
    read_only = _outermost({_topmost(item, whole, boundary.protect) for item in inside} - {""})
    if len(read_only) > MAX_READ_ONLY:
        raise ExecutionError(
            f"`protect` names {len(read_only)} single files; the limit is {MAX_READ_ONLY}",
            hint="protect their folder instead",
            reason="too-many-protected",
        )
    return Mounts(writable, read_only)


def _split(found: list[Found]) -> list[list[str]]:
    return [item.path.split("/") for item in found]


def _outermost(paths: set[str]) -> tuple[str, ...]:
    """Drop what lies below another of the paths."""
    kept: list[str] = []
    for path in sorted(paths, key=lambda path: ("" if path == "." else path).split("/")):
        if not kept or not _covers(kept[-1], path):
            kept.append(path)
    return tuple(kept)


def static_prefix(pattern: str) -> str:
    """Return the part of a glob before its first wildcard, cut at a slash; `.` when nothing is left."""
    first = min((pattern.index(mark) for mark in _WILD if mark in pattern), default=-1)
    prefix = pattern.rstrip("/") if first < 0 else pattern[:first].rpartition("/")[0]
    return clean_path(prefix) if prefix else "."


def _topmost(item: Found, folders: tuple[str, ...], protect: tuple[str, ...]) -> str:
    """Return the outermost folder of `item` that is protected as a whole, else its own path, else nothing."""
    parts = item.path.split("/")
    whole = len(parts) if item.kind is Kind.FOLDER else len(parts) - 1
    for length in range(1, whole + 1):
        folder = "/".join(parts[:length])
        if matches_any(folder, folders) or matches_any(folder, protect):
            return folder
    return item.path if matches_any(item.path, protect) else ""


def _covers(path: str, other: str) -> bool:
    return path == "." or other == path or other.startswith(path + "/")
