"""Reading and writing below a folder whose content is hostile.

Rules
  1. A path is opened component by component from the folder's own descriptor, with O_NOFOLLOW: no symbolic
     link is ever followed, wherever it stands and whatever is swapped meanwhile.
  2. A file is a regular file with one name. A second name (hard link) is refused: it might be a file of others.
  3. Opening never blocks (O_NONBLOCK), and what was opened is checked again by its descriptor.
  4. A walk sees files, symbolic links (as such) and empty folders. FIFOs, devices, sockets and names that are
     not UTF-8 are not part of a tree; neither are `.bridle/`, `__pycache__/` and `*.pyc`.
  5. Count, depth and size have ceilings. Beyond one: ExecutionError that names it.

Errors speak of paths inside the folder only, so that they read the same on every machine.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bridle.core.boundary import SCRATCH
from bridle.core.errors import ExecutionError, InputError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REFUSALS = {
    errno.ENOENT: ("there is no {path}", "not-found"),
    errno.ELOOP: ("{path} is a symbolic link; links are not followed", "symbolic-link"),
    errno.ENOTDIR: ("{path} leads through something that is not a folder", "not-a-folder"),
    errno.EISDIR: ("{path} is a folder", "not-a-file"),
    errno.EACCES: ("{path} cannot be read", "unreadable"),
    errno.ENXIO: ("{path} is not a regular file", "not-a-file"),
    errno.ENAMETOOLONG: ("{path} is too long a name", "not-found"),
}


@dataclass(frozen=True)
class TreeLimits:
    """Ceilings of one workspace. The count is of folder entries seen, so that no flood of names goes uncounted."""

    entries: int = 50_000
    depth: int = 64
    file_bytes: int = 64 << 20
    total_bytes: int = 512 << 20


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


def too_large(what: str, limit: str, value: int) -> ExecutionError:
    """Return the error for a limit that was passed."""
    return ExecutionError(
        f"{what}; the limit is {value} ({limit})",
        hint="remove it from the workspace",
        reason=f"limit-{limit}",
    )


def is_excluded(path: str) -> bool:
    """True for what is never part of a tree."""
    parts = path.split("/")
    return parts[0] == SCRATCH or "__pycache__" in parts or path.endswith(".pyc")


def walk(root_fd: int, *, below: str = ".", limits: TreeLimits, excluded_too: bool = False) -> list[Found]:
    """Return what lies below a folder, sorted by path (paths are relative to `root_fd`)."""
    found: list[Found] = []
    with open_folder(root_fd, below) as fd:
        prefix = "".join(part + "/" for part in _parts(below))
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
        with _opened(name, _FOLDER, fd, path) as inner:
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
    _refuse_second_name(path, info)
    count.add(path, info)
    return [Found(path, Kind.FILE, info.st_size, bool(info.st_mode & 0o100), stamp(info))]


def stamp(info: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file does. `ctime` is there because nobody but the kernel can set it."""
    return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_mode)


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """Open a folder of ours by its whole path; its content may be hostile, its place is not."""
    fd = os.open(path, _FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_folder(root_fd: int, path: str) -> Iterator[int]:
    """Open a folder below `root_fd` (`.` is the folder itself); raise ExecutionError when it is none."""
    fd = os.dup(root_fd)
    try:
        for part in _parts(path):
            inner = _open(part, _FOLDER, fd, path)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_parent(root_fd: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the folder a path lies in; give its descriptor and the last name."""
    parts = _parts(path)
    if not parts:
        raise ExecutionError("the workspace itself is not a file", reason="not-a-file")
    with open_folder(root_fd, "/".join(parts[:-1]) or ".") as fd:
        yield fd, parts[-1]


def read_file(root_fd: int, path: str, *, limit_bytes: int) -> tuple[bytes, os.stat_result]:
    """Return a regular file's bytes and what the open descriptor said of it."""
    with open_parent(root_fd, path) as (fd, name), _opened(name, _FILE, fd, path) as file_fd:
        info = os.fstat(file_fd)
        if not stat.S_ISREG(info.st_mode):
            raise ExecutionError(f"{path} is not a regular file", reason="not-a-file")
        _refuse_second_name(path, info)
        if info.st_size > limit_bytes:
            raise too_large(f"{path} has {info.st_size} bytes", "file-size", limit_bytes)
        with os.fdopen(os.dup(file_fd), "rb") as file:
            data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:  # it grew while it was read
        raise too_large(f"{path} is too large", "file-size", limit_bytes)
    return data, info


def _refuse_second_name(path: str, info: os.stat_result) -> None:
    if info.st_nlink != 1:
        raise ExecutionError(
            f"{path} has {info.st_nlink} names (hard links)", hint="copy the file instead", reason="hard-link"
        )


def _parts(path: str) -> list[str]:
    """Split a path; names that a walk found may hold characters that a tool's argument may not."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise InputError(f"{path!r} leaves the workspace", reason="outside-workspace")
    return parts


@contextmanager
def _opened(name: str, flags: int, fd: int, path: str) -> Iterator[int]:
    opened = _open(name, flags, fd, path)
    try:
        yield opened
    finally:
        os.close(opened)


def _open(name: str, flags: int, fd: int, path: str) -> int:
    try:
        return os.open(name, flags, dir_fd=fd)
    except OSError as exc:
        if exc.errno not in _REFUSALS:
            raise
        what, reason = _REFUSALS[exc.errno]
        raise ExecutionError(what.format(path=path), reason=reason) from exc
