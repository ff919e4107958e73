"""Writes that are whole or did not happen, and a full disk that is said as such."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridle.core.errors import UnavailableError

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def full_disk_named(where: str) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into UnavailableError; other errors pass."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        raise UnavailableError(
            "disk full", where=where, hint="free some space there, then resume", reason="disk-full"
        ) from exc


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` (0600): temporary file beside it, fsync, rename. The caller syncs the folder."""
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    with full_disk_named(str(path.parent)):
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
            temporary.rename(path)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
