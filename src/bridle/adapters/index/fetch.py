"""A source archive from the package index: fetched by its hash, kept in a cache.

Rules
  1. A file counts only when its SHA-256 is the one asked for; the cache is checked again at each use.
  2. It is moved into the cache after the check, whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bridle.adapters.index.location import IndexLocation, hide_password, locate_index
from bridle.core.errors import TrustError, UnavailableError


def fetch_archive(
    name: str, version: str, *, sha256: str, cache_dir: Path, environ: Mapping[str, str] | None = None
) -> Path:
    """Return the path of a source archive in the cache, fetching it first when it is not there.

    Raise UnavailableError when the index does not give it, TrustError when what it gives has another hash.
    """
    cached = find_archive(sha256, cache_dir=cache_dir)
    if cached is not None:
        return cached
    target = _place(sha256, cache_dir)
    cache_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # the data folder, if nothing made it yet
    cache_dir.mkdir(exist_ok=True)
    place = locate_index(os.environ if environ is None else environ)
    with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".fetch-") as folder:
        fetched = Path(folder) / "archive"
        _download(place, name, version, sha256=sha256, into=fetched, target=target)
        if (found := _hash_file(fetched)) != sha256:
            raise TrustError(
                f"the archive of {name} {version} has the hash {found}, not {sha256}",
                where=place.shown,
                hint="ask who runs this index; nothing was kept",
                reason="hash-mismatch",
            )
        fetched.replace(target)
    return target


def find_archive(sha256: str, *, cache_dir: Path) -> Path | None:
    """Return the path of an archive that lies in the cache and has its hash, else None."""
    target = _place(sha256, cache_dir)
    return target if target.is_file() and _hash_file(target) == sha256 else None


def _place(sha256: str, cache_dir: Path) -> Path:
    return cache_dir / f"{sha256}.tar.gz"


def _download(
    place: IndexLocation, name: str, version: str, *, sha256: str, into: Path, target: Path
) -> None:
    # imported here: with a full cache, which is the common case, its start is half a second for nothing
    from bridle.adapters.index.download import NotServed, download

    try:
        download(place, name, version, sha256=sha256, into=into)
    except NotServed as exc:
        raise UnavailableError(
            f"cannot fetch {name} {version}: {hide_password(str(exc))}",
            where=place.shown,
            hint=f"check the network and PIP_INDEX_URL, or put the archive at {target}",
            reason="index-unavailable",
        ) from exc


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
