"""Reads a file of the configuration folder that nobody else may have written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bridle.core.errors import TrustError


def read_own_text(path: Path) -> str:
    """Return the file's text, empty when there is none; raise TrustError when others may write to it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise TrustError(f"cannot read it: {error.strerror}", where=str(path)) from error
    with os.fdopen(fd, encoding="utf-8") as file:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
            raise TrustError("others may write to it", where=str(path), hint=f"chmod 600 {path}")
        return file.read()
