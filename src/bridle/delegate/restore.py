"""Making a folder exactly what a snapshot says.

Rules
  1. What is not in the tree goes, also what a walk would not see (FIFOs, hard links, compiled Python, locked
     folders); what is right stays untouched; what is missing or different is written from the store.
  2. `.bridle/` is left alone: it is no part of a tree, and earlier reports in it are still wanted.
  3. It can be broken off anywhere and done again.
"""

from __future__ import annotations

import os
import stat

from bridle.core.boundary import SCRATCH
from bridle.delegate.paths import open_folder
from bridle.delegate.placing import make_folder, remove, unlock, write_file, write_link
from bridle.delegate.snapshot import Entry, Manifest, Snapshots, Stamps
from bridle.delegate.tree import Kind, is_utf8, stamp


def restore(snapshots: Snapshots, tree: str, root_fd: int, known: Stamps) -> None:
    """Put the tree `tree` into a folder; raise ExecutionError when it is not stored."""
    manifest = snapshots.load(tree)
    kept = _prune(root_fd, "", manifest, _folders(manifest), known)
    for path, entry in manifest.items():
        if path not in kept:
            _place(snapshots, root_fd, path, entry)


def _place(snapshots: Snapshots, root_fd: int, path: str, entry: Entry) -> None:
    if entry.kind is Kind.FILE:
        write_file(root_fd, path, snapshots.blob(entry.digest), executable=entry.executable)
    elif entry.kind is Kind.LINK:
        write_link(root_fd, path, entry.target)
    else:
        make_folder(root_fd, path)


def _folders(manifest: Manifest) -> set[str]:
    folders = {path for path, entry in manifest.items() if entry.kind is Kind.FOLDER}
    for path in manifest:
        while path := path.rpartition("/")[0]:
            folders.add(path)
    return folders


def _prune(fd: int, prefix: str, manifest: Manifest, folders: set[str], known: Stamps) -> set[str]:
    """Remove what is not as it should be; return the paths that are."""
    kept: set[str] = set()
    for name in os.listdir(fd):
        path = prefix + name
        if path == SCRATCH:
            continue
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if is_utf8(path) and path in folders and stat.S_ISDIR(info.st_mode):
            unlock(fd, name)
            with open_folder(fd, name) as inner:
                kept |= _prune(inner, path + "/", manifest, folders, known)
        elif is_utf8(path) and _is_right(fd, name, info, manifest.get(path), known.get(path)):
            kept.add(path)
        else:
            remove(fd, name)
    return kept


def _is_right(
    fd: int, name: str, info: os.stat_result, entry: Entry | None, seen: tuple[tuple[int, ...], str] | None
) -> bool:
    """True when what stands there is known, without reading it, to be what the tree says."""
    if entry is None:
        return False
    if entry.kind is Kind.LINK:
        return stat.S_ISLNK(info.st_mode) and os.readlink(name, dir_fd=fd) == entry.target
    if entry.kind is not Kind.FILE or seen is None:
        return False
    return info.st_nlink == 1 and seen == (stamp(info), entry.digest) and _runs(info) == entry.executable


def _runs(info: os.stat_result) -> bool:
    return bool(info.st_mode & 0o100)
