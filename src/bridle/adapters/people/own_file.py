"""Reads a file of the configuration folder that nobody else may have written.

Many systems give each user a group of their own and let that group write what the user makes (umask 0002): such a group is the
user. It is taken for one when it is the user's first group, bears the user's name and has no other member.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from bridle.core.decoding import decode
from bridle.core.errors import TrustError

SETTLED_S = (
    2.0  # a file system's clock is coarse: what was written just now may be written again within one tick
)
T = TypeVar("T")
Stamp: TypeAlias = "tuple[int, ...]"


def stamp_own(path: Path) -> Stamp | None:
    """Return what changes whenever the file does, None when that cannot be told yet, () when there is no file.

    Raise TrustError when others may write to it.
    """
    try:
        info = path.lstat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise TrustError(f"cannot read it: {error.strerror}", where=str(path)) from error
    _check(info, path)
    changed_ns = max(info.st_mtime_ns, info.st_ctime_ns)
    settled = time.time_ns() - changed_ns > SETTLED_S * 1e9
    return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns) if settled else None


def read_own_text(path: Path) -> str:
    """Return the file's text, empty when there is none; raise TrustError when others may write to it,
    InputError when it is not UTF-8."""
    try:
        fd = os.open(
            path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        )  # of a pipe nobody waits for the other end
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise TrustError(f"cannot read it: {error.strerror}", where=str(path)) from error
    try:
        _check(os.fstat(fd), path)
        with open(fd, "rb", closefd=False) as file:
            return decode(file.read(), where=str(path))
    finally:
        os.close(fd)


class OwnFile(Generic[T]):
    """A file that is looked at for every question, and read again when it changed."""

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        self.path = path
        self._parse = parse
        self._stamp: Stamp | None = None
        self._read: tuple[str, T] | None = None

    def read(self) -> T:
        """Return what it says now; raise TrustError or InputError when it cannot be used."""
        stamp = stamp_own(self.path)  # before the text: what changes in between is seen next time
        if self._read is not None and stamp is not None and stamp == self._stamp:
            return self._read[1]
        text = read_own_text(self.path)
        if self._read is None or self._read[0] != text:
            self._read = (text, self._parse(text))
        self._stamp = stamp
        return self._read[1]


def _check(info: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise TrustError("it is no plain file", where=str(path), hint="put a file of your own in its place")
    if info.st_uid != os.geteuid():
        raise TrustError("it belongs to another user", where=str(path), hint=f"sudo chown $(id -un) {path}")
    by_group = info.st_mode & stat.S_IWGRP and not _is_own_group(info.st_gid)
    if by_group or info.st_mode & stat.S_IWOTH:
        raise TrustError("others may write to it", where=str(path), hint=f"chmod go-w {path}")


def _is_own_group(gid: int) -> bool:
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
