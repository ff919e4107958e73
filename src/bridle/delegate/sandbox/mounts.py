"""Which parts of the workspace a command sees, in which order they are bound, and which of them it can write.

Rules:
- The workspace is bound read-only; each writable path is bound over it, then the scratch folder, then each read-only
  path on top of all, so that read-only wins.
- A mount point cannot be renamed or removed by those who see it, but a plain directory above it can, and its mount
  would move along: `mv src aside; mkdir -p src/tests` would put another `src/tests` in place of the protected
  one. So every directory between a writable root and a read-only path becomes a mount point too.
- Binds go by descriptor: what was checked is what is bound, whatever happens to the name in between.

It does not decide what is writable; that is the boundary's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from bridle.core.boundary import SCRATCH, clean_path
from bridle.delegate.sandbox.descriptors import Descriptors, open_below
from bridle.delegate.sandbox.policy import SandboxPolicy

INSIDE = "/workspace"


@dataclass(frozen=True)
class Bind:
    """One path of the workspace as the command sees it; `.` is the workspace itself."""

    path: str
    writable: bool


def plan_binds(policy: SandboxPolicy) -> tuple[Bind, ...]:
    """Return the binds of the workspace in the order in which they are mounted."""
    writable = {clean_path(path) for path in policy.writable}
    read_only = _from_the_top(clean_path(path) for path in policy.read_only)
    open_paths = writable | {SCRATCH} | set(_list_pins(writable, read_only))
    return (
        Bind(".", writable=False),
        *(Bind(path, writable=True) for path in _from_the_top(open_paths)),
        *(Bind(path, writable=False) for path in read_only),
    )


def compile_binds(policy: SandboxPolicy, workspace: int, *, opened: Descriptors) -> list[str]:
    """Return bubblewrap's arguments for the workspace; the descriptors that they name go into `opened`."""
    arguments: list[str] = []
    for bind in plan_binds(policy):
        descriptor = opened.give(open_below(workspace, bind.path))
        target = INSIDE if bind.path == "." else f"{INSIDE}/{bind.path}"
        arguments += ["--bind-fd" if bind.writable else "--ro-bind-fd", str(descriptor), target]
    return arguments


def make_scratch(workspace: int, *, owner: int | None) -> None:
    """Create the scratch folder when there is none; it belongs to `owner`, or to us when that is None."""
    try:
        os.mkdir(SCRATCH, 0o755, dir_fd=workspace)
    except FileExistsError:  # made by an earlier step; `open_below` refuses it if it is not a directory
        return
    if owner is not None:
        os.chown(SCRATCH, owner, owner, dir_fd=workspace, follow_symlinks=False)


def list_written(policy: SandboxPolicy) -> tuple[str, ...]:
    """Return the outermost writable paths: what has to be measured, none of it twice."""
    paths = _from_the_top({clean_path(path) for path in policy.writable} | {SCRATCH})
    return tuple(
        path for path in paths if not any(_is_below(path, other) for other in paths if other != path)
    )


def _list_pins(writable: Iterable[str], read_only: Iterable[str]) -> Iterable[str]:
    roots = tuple(writable)
    for path in read_only:
        for above in PurePosixPath(path).parents:
            if str(above) != "." and any(_is_below(str(above), root) for root in roots):
                yield str(above)


def _is_below(path: str, root: str) -> bool:
    return root == "." or path == root or path.startswith(root + "/")


def _from_the_top(paths: Iterable[str]) -> tuple[str, ...]:
    """Sort so that a mount never hides one that was made before it; `.` comes first."""
    return tuple(sorted(set(paths), key=lambda path: (path != ".", path.count("/"), path)))
