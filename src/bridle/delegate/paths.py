"""Opening what lies below a folder whose content is hostile.

Rules
  1. A path is opened component by component from the folder's own descriptor, with O_NOFOLLOW: no symbolic
     link is ever followed, wherever it stands and whatever is swapped meanwhile.
  2. A file is a regular file with one name. A second name (hard link) is refused: it might be a file of others.
  3. Opening never blocks (O_NONBLOCK), and what was opened is checked again by its descriptor.

Errors speak of paths inside the folder only, so that they read the same on every machine.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridle.core.errors import ExecutionError, InputError
from bridle.delegate.limits import too_large

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
        for part in split_path(path):
            inner = _open(part, _FOLDER, fd, path)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_parent(root_fd: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the folder a path lies in; give its descriptor and the last name."""
    parts = split_path(path)
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
        refuse_second_name(path, info)
        if info.st_size > limit_bytes:
            raise too_large(f"{path} has {info.st_size} bytes", "file-size", limit_bytes)
        with os.fdopen(os.dup(file_fd), "rb") as file:
            data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:  # it grew while it was read
        raise too_large(f"{path} is too large", "file-size", limit_bytes)
    return data, info


def refuse_second_name(path: str, info: os.stat_result) -> None:
    """Raise ExecutionError for a file with hard links."""
    if info.st_nlink != 1:
        raise ExecutionError(
            f"{path} has {info.st_nlink} names (hard links)", hint="copy the file instead", reason="hard-link"
        )


def split_path(path: str) -> list[str]:
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
