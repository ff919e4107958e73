"""From a commit to a tree in the snapshot store, and from two trees to what changed between them.

Rules
  1. A link that leaves the tree, and a name that could reach outside or into `.git` are refused; so is a submodule, unless the
     clone asks for them (delegate.submodules).
  2. What a tree leaves out (see delegate.tree) stays in the commit and does not come into the workspace.
  3. The workspace's limits hold before a byte is read.
  4. Folders that a sparse clone names are taken with the files in the folders above them, as git's own cone does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Protocol

from bridle.core.errors import ExecutionError
from bridle.delegate.limits import TreeLimits, too_large
from bridle.delegate.mirror import Mirror, TreeFile
from bridle.delegate.snapshot import Entry, Manifest, Snapshots
from bridle.delegate.tree import Kind, is_excluded

_LINK, SUBMODULE, _EXECUTABLE = "120000", "160000", "100755"


class Source(Protocol):
    """Brings what lies in other repositories."""

    def tree_of(self, file: TreeFile) -> str:
        """Store the files of the submodule that stands at a path; return the tree's digest."""
        ...


def store_commit(
    mirror: Mirror,
    commit: str,
    snapshots: Snapshots,
    *,
    folders: Sequence[str] = (),
    submodules: Source | None = None,
) -> str:
    """Put a commit's files, or those of some folders, into the store; return the tree's digest."""
    files = [
        file for file in mirror.files(commit) if not is_excluded(file.path) and in_cone(file.path, folders)
    ]
    _check_limits(files, snapshots.limits)
    for file in files:
        _check_name(file, submodules=submodules is not None)
    own = [file for file in files if file.mode != SUBMODULE]
    manifest: dict[str, Entry] = {}
    for file, data in zip(own, mirror.contents(own), strict=True):
        manifest[file.path] = _entry(file, data, snapshots)
    for file in files:
        if file.mode == SUBMODULE and submodules is not None:
            inner = snapshots.load(submodules.tree_of(file))
            manifest |= {f"{file.path}/{name}": entry for name, entry in inner.items()}
    return snapshots.put(manifest)


def in_cone(path: str, folders: Sequence[str]) -> bool:
    """True when a sparse clone of these folders has the path; without folders it has every one."""
    above = f"{posixpath.dirname(path)}/".lstrip("/")
    return not folders or any(
        path.startswith(f"{folder.strip('/')}/") or f"{folder.strip('/')}/".startswith(above)
        for folder in folders
    )


def place_below(path: str, tree: str, around: str, *, snapshots: Snapshots) -> str:
    """Put a stored tree at the folder `path` of another, in place of what is there; return the whole tree's digest."""
    names = path.split("/")
    if path == "." or is_excluded(path) or ".git" in (name.lower() for name in names):
        raise ExecutionError(f"{path!r} is no folder to clone into", reason="bad-name")
    above = {"/".join(names[:length]) for length in range(1, len(names) + 1)}
    kept = dict(snapshots.load(around))
    for name in above & set(kept):
        if kept[name].kind is not Kind.FOLDER:
            raise ExecutionError(f"{name} is in the way: it is no folder", reason="path-taken")
        del kept[name]
    others = {name: entry for name, entry in kept.items() if not name.startswith(f"{path}/")}
    placed = {f"{path}/{name}": entry for name, entry in snapshots.load(tree).items()}
    return snapshots.put({**others, **(placed or {path: Entry(Kind.FOLDER)})})


def changed_paths(base: Manifest, other: Manifest) -> list[str]:
    """Return the files and links that differ, sorted. Empty folders are no change: git does not keep them."""
    paths = base.keys() | other.keys()
    return sorted(path for path in paths if _content(base, path) != _content(other, path))


def _content(manifest: Manifest, path: str) -> Entry | None:
    entry = manifest.get(path)
    return None if entry is None or entry.kind is Kind.FOLDER else entry


def _entry(file: TreeFile, data: bytes, snapshots: Snapshots) -> Entry:
    if file.mode != _LINK:
        return Entry(Kind.FILE, snapshots.put_blob(data), file.mode == _EXECUTABLE)
    target = data.decode(errors="replace")
    place = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), target))
    if target.startswith("/") or place == ".." or place.startswith("../") or "\0" in target:
        raise ExecutionError(f"{file.path} is a link that leaves the repository", reason="link-leaves-tree")
    return Entry(Kind.LINK, target=target)


def _check_name(file: TreeFile, *, submodules: bool) -> None:
    parts = file.path.lower().split("/")
    if file.mode == SUBMODULE and not submodules:
        hint = "write submodules: true, if it lies beside this repository"
        raise ExecutionError(f"{file.path} is a submodule", hint=hint, reason="submodule")
    if {"", ".", "..", ".git"} & set(parts):
        raise ExecutionError(f"{file.path!r} is no honest name for a file", reason="bad-name")


def _check_limits(files: list[TreeFile], limits: TreeLimits) -> None:
    if len(files) > limits.entries:
        raise too_large(f"the repository has {len(files)} files", "entries", limits.entries)
    for file in files:
        if file.size_bytes > limits.file_bytes:
            raise too_large(f"{file.path} has {file.size_bytes} bytes", "file-size", limits.file_bytes)
        if file.path.count("/") > limits.depth:
            raise too_large(f"{file.path} lies too deep", "depth", limits.depth)
    if sum(file.size_bytes for file in files) > limits.total_bytes:
        raise too_large("the repository is too large", "total-size", limits.total_bytes)
