"""The project that samples/autofix repairs: a real release, put where a team's repository would be.

The release is the source archive of isodate 0.6.0, known by its hash. What its build left in it (PKG-INFO, egg-info) is not
part of the project and is taken out; the rest becomes the one commit of a bare `origin`.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bridle.adapters.index.fetch import fetch_archive, find_archive
from bridle.adapters.index.origin import make_origin, read_main
from bridle.adapters.index.unpack import unpack_sdist
from bridle.core.settings import Settings

NAME, VERSION = "isodate", "0.6.0"
SHA256 = "2e364a3d5759479cdb2d37cce6b9376ea504db2ff90252a2e5b7cc89cc9ff2d8"
BUILD_LEFTOVERS = ("PKG-INFO", "src/isodate.egg-info")


@dataclass(frozen=True)
class Origin:
    """A bare repository and the commit its branch `main` points at."""

    path: Path
    commit: str


def fetch_autofix_archive(settings: Settings) -> Path:
    """Return the sample's archive in the cache, fetching it when it is not there."""
    return fetch_archive(NAME, VERSION, sha256=SHA256, cache_dir=settings.data_dir / "cache")


def find_autofix_archive(settings: Settings) -> Path | None:
    """Return the sample's archive when it lies in the cache, whole; fetch nothing."""
    return find_archive(SHA256, cache_dir=settings.data_dir / "cache")


def prepare_autofix_origin(settings: Settings, *, fresh: bool) -> Origin:
    """Return the sample's origin at `data_dir/demo/origin.git`; `fresh` makes it anew, as it was released.

    Raise UnavailableError when the archive is neither in the cache nor to be had.
    """
    bare = settings.data_dir / "demo" / "origin.git"
    if bare.exists() and not fresh:
        return Origin(bare, read_main(bare))
    archive = fetch_autofix_archive(settings)  # before the old one goes
    shutil.rmtree(bare, ignore_errors=True)
    return Origin(bare, import_release(archive, bare))


def import_release(archive: Path, bare: Path) -> str:
    """Make the origin from the archive; return the hash of its commit."""
    bare.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bare.parent, prefix=".release-") as folder:
        tree = Path(folder) / "tree"
        unpack_sdist(archive, tree)
        for leftover in BUILD_LEFTOVERS:
            path = tree / leftover
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return make_origin(tree, bare)
