"""A source archive, unpacked without believing it.

Rules
  1. Folders and plain files below one new folder are made; anything else in the archive refuses all of it.
  2. Sizes are capped at what comes out, not at what the archive claims, before bytes are written.
  3. The folder appears whole or not at all.

Nothing of the archive is run: no installer sees it, since an installer would run its set-up code.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
from pathlib import Path

from bridle.core.boundary import clean_path
from bridle.core.errors import InputError

UNPACKED_LIMIT_BYTES = (
    64 << 20
)  # a hundred times the sample; a source archive beyond it is not one to repair here
MEMBER_LIMIT = 10_000


def unpack_sdist(archive: Path, into: Path, *, strip: int = 1) -> None:
    """Unpack a `.tar.gz` into the new folder `into`, without the first `strip` parts of each path.

    Raise InputError, and leave nothing behind, when the archive holds anything but plain files and folders.
    """
    if into.exists():
        raise InputError("the folder to unpack into is there already", where=str(into))
    into.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=into.parent, prefix=f".{into.name}-"))
    try:
        with _Capped(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for count, member in enumerate(tar):
                if count >= MEMBER_LIMIT:
                    raise InputError(f"more than {MEMBER_LIMIT} members", where=archive.name)
                _unpack_member(tar, member, temporary, strip=strip)
        temporary.chmod(0o755)
        temporary.rename(into)
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise InputError(f"the archive cannot be unpacked: {exc}", where=archive.name) from exc
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def member_path(member: tarfile.TarInfo, *, strip: int) -> str:
    """Return where a member goes, or an empty string for a folder that `strip` takes away; else raise InputError."""
    plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
    if not (plain or member.isdir()):
        raise InputError(f"{member.name!r} is neither a plain file nor a folder", reason="unsafe-archive")
    clean = clean_path(member.name)
    parts = clean.split("/")[strip:]
    if not parts and plain:
        raise InputError(f"{member.name!r} lies outside the archive's own folder", reason="unsafe-archive")
    if any(part.casefold() == ".git" for part in parts):
        raise InputError(f"{member.name!r} would be read as git's own data", reason="unsafe-archive")
    return "/".join(parts)


class _Capped(gzip.GzipFile):
    """Refuses to give more than the limit, so that a small archive can't fill memory or disk."""

    _left = UNPACKED_LIMIT_BYTES

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        data = super().read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise InputError(f"it unpacks to more than {UNPACKED_LIMIT_BYTES} bytes", reason="unsafe-archive")
        return data


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, *, strip: int) -> None:
    path = member_path(member, strip=strip)
    target = folder / path
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise InputError(f"{member.name!r} has no content", reason="unsafe-archive")
    with target.open("xb") as file:  # x: a path that comes twice is refused
        shutil.copyfileobj(source, file)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)
