"""Snapshots: a workspace as a list of what is in it, with the contents stored under their digests.

Rules
  1. A manifest maps each path to a file (digest, executable or not), a link (target) or an empty folder. The
     digest of its canonical JSON is the tree's digest: the same content has the same digest everywhere.
  2. Contents and manifests are written whole and synced before the tree's digest is given to anybody.
  3. What is read back is hashed again: a changed store is an error, never a changed workspace.
  4. A file whose device, inode, size, times and mode are those of the last look is not read again, unless it
     changed so shortly before that look that the clock could not have told a second change apart.

What a tree leaves out is decided in `delegate.tree`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bridle.core.canonical import Json, canonical, digest_bytes
from bridle.core.errors import ExecutionError, InputError, TrustError
from bridle.delegate.disk import sync_folder, write_whole
from bridle.delegate.limits import TreeLimits, too_large
from bridle.delegate.paths import read_file
from bridle.delegate.tree import Found, Kind, stamp, walk

_CLOCK_GRAIN_NS = 100_000_000  # file systems stamp with a clock that ticks every few milliseconds


@dataclass(frozen=True)
class Entry:
    """One path of a tree. `digest` is a file's, `target` a link's."""

    kind: Kind
    digest: str = ""
    executable: bool = False
    target: str = ""

    def to_json(self) -> dict[str, Json]:
        forms: dict[Kind, dict[str, Json]] = {
            Kind.FILE: {"digest": self.digest, "executable": self.executable},
            Kind.LINK: {"target": self.target},
            Kind.FOLDER: {},
        }
        return {"kind": str(self.kind), **forms[self.kind]}


Manifest: TypeAlias = Mapping[str, Entry]
Stamps: TypeAlias = dict[str, tuple[tuple[int, ...], str]]


class Snapshots:
    """A store of trees in a folder that only the delegate may enter."""

    def __init__(self, root: Path, *, limits: TreeLimits) -> None:
        self.limits = limits
        self._blobs, self._trees, self._notes = root / "blobs", root / "trees", root / "notes"
        self._unsynced: set[Path] = set()
        self._syncing = threading.Lock()
        for folder in (root, self._blobs, self._trees, self._notes):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self, root_fd: int, known: Stamps) -> str:
        """Store the folder as it stands and return its tree's digest. `known` is read and brought up to date."""
        manifest: dict[str, Entry] = {}
        fresh: Stamps = {}
        for item in walk(root_fd, below=".", limits=self.limits):
            manifest[item.path] = self._entry(root_fd, item, known, fresh)
        known.clear()
        known.update(fresh)
        return self.put(manifest)

    def _entry(self, root_fd: int, item: Found, known: Stamps, fresh: Stamps) -> Entry:
        if item.kind is not Kind.FILE:
            return Entry(item.kind, target=item.target)
        seen = known.get(item.path)
        if seen and seen[0] == item.stamp:
            fresh[item.path] = seen
            return Entry(Kind.FILE, seen[1], item.executable)
        looked_at_ns = time.time_ns()
        data, info = read_file(root_fd, item.path, limit_bytes=self.limits.file_bytes)
        blob = self.put_blob(data)
        if looked_at_ns - info.st_ctime_ns > _CLOCK_GRAIN_NS:
            fresh[item.path] = (stamp(info), blob)
        return Entry(Kind.FILE, blob, bool(info.st_mode & 0o100))

    def put(self, manifest: Manifest) -> str:
        """Store a manifest whose contents are stored; return the tree's digest."""
        data = canonical({path: entry.to_json() for path, entry in manifest.items()})
        tree = digest_bytes(data)
        self.sync()
        path = self._trees / _hex(tree)
        if not path.exists():
            write_whole(path, data)
            sync_folder(self._trees)
        return tree

    def sync(self) -> None:
        """Make durable what was stored; storing a manifest does this too."""
        with self._syncing:  # who comes second waits: what it stored may be among what the first one syncs
            for folder in self._unsynced:
                sync_folder(folder)
            self._unsynced.clear()

    def put_blob(self, data: bytes) -> str:
        """Store contents; return their digest. They are durable once a manifest was put after them."""
        if len(data) > self.limits.file_bytes:
            raise too_large(f"a file has {len(data)} bytes", "file-size", self.limits.file_bytes)
        return self.put_bytes(data)

    def put_bytes(self, data: bytes) -> str:
        """Store contents of our own making, of any size."""
        blob = digest_bytes(data)
        path = self._blob_path(blob)
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(path, data)
            with self._syncing:
                self._unsynced.update((path.parent, self._blobs))
        return blob

    def has(self, tree: str) -> bool:
        """True when this tree is stored."""
        return (self._trees / _hex(tree)).exists()

    def note(self, digest: str) -> None:
        """Remember durably that a statement with this digest is true."""
        write_whole(self._notes / _hex(digest), b"")
        sync_folder(self._notes)

    def noted(self, digest: str) -> bool:
        """True when a statement with this digest was noted."""
        return (self._notes / _hex(digest)).exists()

    def load(self, tree: str) -> Manifest:
        """Return a tree's manifest; raise ExecutionError when it is not here, TrustError when it was changed."""
        path = self._trees / _hex(tree)
        if not path.exists():
            raise ExecutionError(f"this delegate has no snapshot {tree}", reason="no-such-tree")
        data = path.read_bytes()
        if digest_bytes(data) != tree:
            raise TrustError("a stored tree was changed", where=str(path), reason="store-changed")
        return dict(_entries(json.loads(data)))

    def blob(self, digest: str) -> bytes:
        """Return stored contents; raise TrustError when they are gone or changed."""
        path = self._blob_path(digest)
        data = path.read_bytes() if path.exists() else b""
        if digest_bytes(data) != digest:
            raise TrustError(
                "stored file contents are gone or changed", where=str(path), reason="store-changed"
            )
        return data

    def _blob_path(self, digest: str) -> Path:
        name = _hex(digest)
        return self._blobs / name[:2] / name[2:]


def _entries(content: Mapping[str, dict[str, object]]) -> Iterator[tuple[str, Entry]]:
    for path, fields in content.items():
        yield (
            path,
            Entry(
                kind=Kind(str(fields["kind"])),
                digest=str(fields.get("digest", "")),
                executable=bool(fields.get("executable", False)),
                target=str(fields.get("target", "")),
            ),
        )


def _hex(digest: str) -> str:
    algorithm, _, number = digest.partition(":")
    if algorithm != "sha256" or len(number) != 64 or set(number) - set("0123456789abcdef"):
        raise InputError(f"{digest!r} is not a digest", reason="bad-digest")
    return number
