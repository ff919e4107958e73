"""Putting things into a workspace and taking them out, without following what lies there.

Rules
  1. A file is written to a temporary name in `.bridle/`, which is on the same file system and no part of a tree,
     and then renamed: a reader sees the old file or the new one, and a crash leaves no stranger behind.
  2. What we write belongs to the sandbox's user when we are root, so that commands can change it.
  3. Folders are entered by descriptor. One that its owner locked (mode 000) is unlocked first: it is ours.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridle.core.boundary import SCRATCH
from bridle.delegate.disk import full_disk_named
from bridle.delegate.paths import open_folder, open_parent

SANDBOX_UID = 65534


def sandbox_owner() -> int:
    """Return the owner for new files: the sandbox's user when we are root, else -1 (leave it as it is)."""
    return SANDBOX_UID if os.geteuid() == 0 else -1


def write_file(
    root_fd: int, path: str, data: bytes, *, executable: bool = False, durable: bool = False
) -> None:
    """Write or replace a file, making the folders it lies in."""
    with full_disk_named("the workspace"), scratch(root_fd) as scratch_fd:
        make_folder(root_fd, path.rpartition("/")[0] or ".")
        temporary = secrets.token_hex(8)
        try:
            _write(scratch_fd, temporary, data, executable=executable, durable=durable)
            with open_parent(root_fd, path) as (fd, name):
                os.rename(temporary, name, src_dir_fd=scratch_fd, dst_dir_fd=fd)
                if durable:
                    os.fsync(fd)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=scratch_fd)
            raise


def _write(fd: int, name: str, data: bytes, *, executable: bool, durable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=fd), "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o755 if executable else 0o644)
        os.fchown(file.fileno(), sandbox_owner(), sandbox_owner())
        if durable:
            os.fsync(file.fileno())


def write_link(root_fd: int, path: str, target: str) -> None:
    """Make a symbolic link; nothing may stand at its place."""
    with full_disk_named("the workspace"):
        make_folder(root_fd, path.rpartition("/")[0] or ".")
        with open_parent(root_fd, path) as (fd, name):
            os.symlink(target, name, dir_fd=fd)
            os.chown(name, sandbox_owner(), sandbox_owner(), dir_fd=fd, follow_symlinks=False)


def make_folder(root_fd: int, path: str) -> None:
    """Make a folder and those above it; what exists stays."""
    made = ""
    for part in [part for part in path.split("/") if part not in ("", ".")]:
        made = f"{made}/{part}" if made else part
        with open_parent(root_fd, made) as (fd, name), suppress(FileExistsError), full_disk_named(made):
            os.mkdir(name, 0o755, dir_fd=fd)
            os.chown(name, sandbox_owner(), sandbox_owner(), dir_fd=fd, follow_symlinks=False)


def remove(fd: int, name: str) -> None:
    """Remove whatever is called `name` in the folder `fd`, with all below it; a link goes, not its target.

    Inner folders are first moved up beside it, so that no nesting is too deep to be removed. Broken off, it
    leaves strangers in `fd`, which the next restore removes.
    """
    if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=fd)
        return
    unlock(fd, name)
    pending = [name]
    while pending:
        current = pending.pop()
        with open_folder(fd, current) as inner:
            pending += _empty(inner, into=fd)
        os.rmdir(current, dir_fd=fd)


def _empty(fd: int, *, into: int) -> list[str]:
    """Remove the files of a folder and move its folders to `into`; return their new names."""
    moved = []
    for name in os.listdir(fd):
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=fd)
            continue
        unlock(fd, name)
        moved.append(secrets.token_hex(8))
        os.rename(name, moved[-1], src_dir_fd=fd, dst_dir_fd=into)
    return moved


def unlock(fd: int, name: str) -> None:
    """Give ourselves access to a folder that a command closed to its owner."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
            Path(f"/proc/self/fd/{handle}").chmod(stat.S_IMODE(mode) | 0o700)
    finally:
        os.close(handle)


@contextmanager
def scratch(root_fd: int) -> Iterator[int]:
    """Open `.bridle/` of a workspace, making it; anything else under that name is removed first."""
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(SCRATCH, dir_fd=root_fd, follow_symlinks=False).st_mode):
            remove(root_fd, SCRATCH)
    make_folder(root_fd, SCRATCH)
    unlock(root_fd, SCRATCH)
    with open_folder(root_fd, SCRATCH) as fd:
        yield fd
