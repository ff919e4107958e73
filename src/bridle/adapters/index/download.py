"""One file from the package index, through a library that knows the index's two formats.

It caps the size and does not check the hash: the caller does, before the file counts.
"""

from __future__ import annotations

from pathlib import Path

from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    DistributionPackage,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedContentTypeError,
)

from bridle.adapters.index.location import IndexLocation

FETCH_LIMIT_BYTES = 64 << 20
CONNECT_S, READ_S = 10.0, 30.0


class NotServed(Exception):
    """The index did not give the file; the text says why."""


def download(place: IndexLocation, name: str, version: str, *, sha256: str, into: Path) -> None:
    """Write the source archive that the index lists with this hash, or with none, to `into`; raise NotServed."""
    try:
        _download(place, name, version, sha256=sha256, into=into)
    except (OSError, ValueError, NoSuchProjectError, UnsupportedContentTypeError) as exc:
        raise NotServed(f"{type(exc).__name__}: {exc}") from exc


def _download(place: IndexLocation, name: str, version: str, *, sha256: str, into: Path) -> None:
    timeout = (CONNECT_S, READ_S)
    with PyPISimple(place.url or PYPI_SIMPLE_ENDPOINT) as client:
        if place.authorities:
            client.s.verify = place.authorities
        page = client.get_project_page(name, timeout=timeout)
        found = [package for package in page.packages if _fits(package, version, sha256=sha256)]
        if not found:
            raise ValueError("the index has no source archive with this version and hash")
        # verify=False: an index may list no digests, and the one that counts is ours
        client.download_package(
            found[0], into, verify=False, timeout=timeout, progress=lambda _total: _Progress()
        )


def _fits(package: DistributionPackage, version: str, *, sha256: str) -> bool:
    listed = package.digests.get("sha256", sha256)
    return package.package_type == "sdist" and package.version == version and listed == sha256


class _Progress:
    """Counts what is downloaded and stops at the limit; the shape is the library's."""

    def __init__(self) -> None:
        self._size_bytes = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, increment: int) -> None:
        self._size_bytes += increment
        if self._size_bytes > FETCH_LIMIT_BYTES:
            raise ValueError(f"the archive is larger than {FETCH_LIMIT_BYTES} bytes")
