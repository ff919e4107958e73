"""What is in a workspace: a walk that sees what a tree is made of, and nothing else.

Rules
  1. A tree has files, symbolic links (as such) and empty folders. FIFOs, devices, sockets and names that are
     not UTF-8 are not part of it; neither are `.bridle/`, `__pycache__/` and `*.pyc`.
  2. Count, depth and size have ceilings. Beyond one: ExecutionError that names it.

How things are opened is decided in `delegate.paths`.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import StrEnum

from bridle.core.boundary import SCRATCH
from bridle.delegate.limits import TreeLimits, too_large
from bridle.delegate.paths import open_folder, refuse_second_name, split_path


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True)
class Found:
    """One thing a walk saw. `stamp` changes whenever the file does; `size_bytes` is 0 for all but files."""

    path: str
    kind: Kind
    size_bytes: int = 0
    executable: bool = False
    stamp: tuple[int, ...] = ()
    target: str = ""


class _Count:
    """What a walk has seen so far, held against the limits."""

    def __init__(self, limits: TreeLimits) -> None:
        self.limits = limits
        self.entries = 0
        self.bytes = 0

    def add(self, path: str, info: os.stat_result) -> None:
        self.bytes += info.st_size
        if info.st_size > self.limits.file_bytes:
            raise too_large(f"{path} has {info.st_size} bytes", "file-size", self.limits.file_bytes)
        if self.bytes > self.limits.total_bytes:
            raise too_large("the workspace is too large", "total-size", self.limits.total_bytes)

    def enter(self) -> None:
        self.entries += 1
        if self.entries > self.limits.entries:
            raise too_large("the workspace has too many entries", "entries", self.limits.entries)


def is_excluded(path: str) -> bool:
    """True for what is never part of a tree."""
    parts = path.split("/")
    return parts[0] == SCRATCH or "__pycache__" in parts or path.endswith(".pyc")


def walk(root_fd: int, *, below: str = ".", limits: TreeLimits, excluded_too: bool = False) -> list[Found]:
    """Return what lies below a folder, sorted by path (paths are relative to `root_fd`)."""
    found: list[Found] = []
    with open_folder(root_fd, below) as fd:
        prefix = "".join(part + "/" for part in split_path(below))
        _walk(fd, prefix, found, _Count(limits), excluded_too=excluded_too)
    return sorted(found, key=lambda item: item.path)


def _walk(fd: int, prefix: str, found: list[Found], count: _Count, *, excluded_too: bool) -> int:
    """Append what lies in one folder; return how much of it was kept."""
    if prefix.count("/") > count.limits.depth:
        raise too_large("the folders are nested too deeply", "depth", count.limits.depth)
    before = len(found)
    for name in _names(fd, count):
        path = prefix + name
        if is_excluded(path) and not excluded_too:
            continue
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            found.extend(_see(fd, path, info, count))
            continue
        with open_folder(fd, name) as inner:
            if not _walk(inner, path + "/", found, count, excluded_too=excluded_too):
                found.append(Found(path, Kind.FOLDER))
    return len(found) - before


def _names(fd: int, count: _Count) -> list[str]:
    names = []
    with os.scandir(fd) as entries:
        for entry in entries:
            count.enter()
            if is_utf8(entry.name):
                names.append(entry.name)
    return names


def is_utf8(name: str) -> bool:
    """True unless the bytes of a file name are no text (Python then holds them as half surrogates)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _see(fd: int, path: str, info: os.stat_result, count: _Count) -> list[Found]:
    if stat.S_ISLNK(info.st_mode):
        target = os.readlink(path.rpartition("/")[2], dir_fd=fd)
        return [Found(path, Kind.LINK, target=target)] if is_utf8(target) else []
    if not stat.S_ISREG(info.st_mode):
        return []
    refuse_second_name(path, info)
    count.add(path, info)
    return [Found(path, Kind.FILE, info.st_size, bool(info.st_mode & 0o100), stamp(info))]


def stamp(info: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file does. `ctime` is there because nobody but the kernel can set it."""
    return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_mode)
