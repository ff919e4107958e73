"""A journal published to a place outside its store: its records, the tiles of its tree, and the newest signed checkpoint.

    checkpoint              the newest, signed (C2SP tlog-checkpoint)
    checkpoints.jsonl       others, each in a line; an export writes all that the store has
    tile/…                  the tree (trust.log.tiles)
    records/000000.jsonl    the records' own bytes, 4096 to a file, one to a line

Rules
  1. Files only grow or are replaced by longer ones, the checkpoint last: whoever reads while it is written sees the state before.
  2. What is published goes on from what lies there only if that is the beginning of this journal: else a journal that was rolled
     back, or another one, would be written over the proof of it. Nothing is overwritten then, and
     the refusal is a record.
  3. Reading believes none of it: `verify_published` wants a key from elsewhere.

The place is a `Shelf`; `adapters.shelves` has a folder, a git repository and an object store.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.errors import InputError, TrustError
from bridle.trust.audit import AuditResult, read_record, verify_read
from bridle.trust.journal import COMPARE, Entry, JournalError, Kind, Record
from bridle.trust.keys import Verifier
from bridle.trust.log.checkpoint import claimed_size
from bridle.trust.log.merkle import leaf_hash
from bridle.trust.log.tiles import Read, TileTree, TileWriter

CHECKPOINT = "checkpoint"
CHECKPOINTS = "checkpoints.jsonl"
RECORDS = 4096  # to a file
ROTATION = f'"kind":"{Kind.KEY_ROTATED}"'.encode()  # what every record of a rotation holds
AT_ONCE = 20_000  # records that are read at a time


class JournalForked(TrustError):
    """What is published is not the beginning of this journal."""

    default_reason = "journal-forked"


class Shelf(Protocol):
    """A place for files that others can see."""

    def read(self, name: str) -> bytes | None:
        """Return a file, or None; raise UnavailableError when the place is out of reach."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole or not at all."""
        ...

    def settle(self, what: str) -> None:
        """What was written since belongs together and can be seen now; `what` says what it is."""
        ...


class Published(Protocol):
    """The journal that is published."""

    async def append(self, entries: Sequence[Entry]) -> list[Record]: ...

    async def checkpoint(self) -> str: ...

    async def read(self, *, after: int = -1, limit: int = 1_000_000) -> list[Record]: ...


@dataclass(frozen=True)
class Progress:
    """How much lies there by now, and how many records were new."""

    size: int
    added: int


async def publish(journal: Published, shelf: Shelf) -> Progress:
    """Publish what a place does not have yet; raise TrustError when what lies there is not the beginning of this journal.

    The place is spoken to on a thread: it may be slow.
    """
    text = await journal.checkpoint()
    size, before = claimed_size(text), await asyncio.to_thread(published_size, shelf)
    try:
        await check_beginning(journal, shelf, before, size)
    except JournalForked as error:
        body: dict[str, Json] = {"reason": error.what, "published": before, "size": size}
        await journal.append([Entry(Kind.PUBLICATION_REFUSED, "", "publication", body)])
        raise
    if before == size:
        return Progress(size, 0)
    page = await asyncio.to_thread(_Page.take_up, shelf, before)
    while page.size < size:
        records = await journal.read(after=page.size - 1, limit=min(AT_ONCE, size - page.size))
        if not records:
            raise JournalError("records are missing that a checkpoint speaks of", where=f"record {page.size}")
        await asyncio.to_thread(page.add, records)
    await asyncio.to_thread(page.end, text)
    return Progress(size, size - before)


class _Page:
    """What is being written: the tiles and the file of records that are not full yet."""

    def __init__(self, shelf: Shelf, writer: TileWriter, chunk: list[bytes]) -> None:
        self._shelf, self._writer, self._chunk = shelf, writer, chunk
        self._number = writer.size // RECORDS

    @classmethod
    def take_up(cls, shelf: Shelf, size: int) -> _Page:
        return cls(shelf, TileWriter.resume(size, _reader(shelf)), _last_chunk(shelf, size))

    @property
    def size(self) -> int:
        return self._writer.size

    def add(self, records: Sequence[Record]) -> None:
        for record in records:
            for path, tile in self._writer.append(leaf_hash(record.data)):
                self._shelf.write(path, tile)
            self._chunk.append(record.data)
            if len(self._chunk) == RECORDS:
                self._write_chunk()
                self._chunk, self._number = [], self._number + 1

    def end(self, checkpoint: str) -> None:
        if self._chunk:
            self._write_chunk()
        for path, tile in self._writer.partial():
            self._shelf.write(path, tile)
        self._shelf.write(CHECKPOINT, checkpoint.encode())
        self._shelf.settle(f"Journal: {self.size} records")

    def _write_chunk(self) -> None:
        self._shelf.write(_chunk_name(self._number), _lines(self._chunk))


def write_checkpoints(shelf: Shelf, texts: Sequence[str]) -> None:
    """Put all checkpoints of a store beside the newest."""
    shelf.write(CHECKPOINTS, _lines([json.dumps({"checkpoint": text}).encode() for text in texts]))


def published_size(shelf: Shelf) -> int:
    """Return how many records the checkpoint there speaks of; 0 where there is none."""
    text = shelf.read(CHECKPOINT)
    return claimed_size(text.decode("utf-8", "replace")) if text is not None else 0


def read_lines(shelf: Shelf, *, limit: int) -> Iterator[bytes]:
    """Yield the bytes of the first records there, in order."""
    number, left = 0, limit
    while left > 0 and (data := shelf.read(_chunk_name(number))) is not None:
        lines = data.removesuffix(b"\n").split(b"\n")[:left]
        yield from lines
        number, left = number + 1, left - len(lines)


def find_rotations(shelf: Shelf, *, limit: int) -> list[Record]:
    """Return the rotations among the first records there."""
    marked = ((at, line) for at, line in enumerate(read_lines(shelf, limit=limit)) if ROTATION in line)
    return [record for at, line in marked if (record := _read(line, at)).kind is Kind.KEY_ROTATED]


def _read(line: bytes, at: int) -> Record:
    return read_record(line, stored_hash=hashlib.sha256(line).hexdigest(), where=f"journal record {at}")


def read_checkpoints(shelf: Shelf) -> list[str]:
    """Return the checkpoints there, the newest last; raise InputError when there is none."""
    newest = shelf.read(CHECKPOINT)
    if newest is None:
        if shelf.read(_chunk_name(0)) is not None:
            hint = f"it was removed, and nothing proves these records: {COMPARE}"
            raise JournalError("there are records, and no checkpoint of them", where=CHECKPOINT, hint=hint)
        raise InputError(
            "no journal is published there", hint="bridle audit export --out DIR", reason="nothing-to-verify"
        )
    others = shelf.read(CHECKPOINTS) or b""
    try:
        found = [str(json.loads(line)["checkpoint"]) for line in others.splitlines()]
        text = newest.decode()
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError("the checkpoints cannot be read", where=CHECKPOINTS, reason="bad-export") from exc
    return [*(one for one in found if one != text), text]


def verify_published(
    shelf: Shelf, *, control_plane: Verifier, kept: Sequence[str] = (), origin: str | None = None
) -> AuditResult:
    """Verify what is published, and its tiles, from those files alone; `kept` are checkpoints from elsewhere.

    Lines behind the newest checkpoint are being written, and the next one covers them: they are not read, and counted as not
    covered, because nothing proves them.
    """
    texts = read_checkpoints(shelf)
    size = claimed_size(texts[-1])
    there = sum(1 for _ in read_lines(shelf, limit=sys.maxsize))
    if (
        there < size
    ):  # said first: without the records cut off, a rotation may be missing, and the key seem wrong
        raise JournalError(
            f"it speaks of {size} records, there are {there}: they were cut off, or it is from the future",
            where=CHECKPOINT,
            hint=COMPARE,
        )
    writer = TileWriter()

    def take(leaf: bytes) -> None:
        for path, tile in writer.append(leaf):
            _check_tile(shelf, path, tile)

    result = verify_read(
        (_read(line, at) for at, line in enumerate(read_lines(shelf, limit=size))),
        rotations=find_rotations(shelf, limit=size),
        checkpoints=[*texts, *kept],
        control_plane=control_plane,
        origin=origin,
        take=take,
    )
    for path, tile in writer.partial():
        _check_tile(shelf, path, tile)
    return replace(result, uncovered=result.uncovered + there - size)


def _check_tile(shelf: Shelf, path: str, tile: bytes) -> None:
    there = shelf.read(path)
    if there != tile:
        what = "the tile is missing" if there is None else "the tile is not that of these records"
        raise JournalError(what, where=path, hint=f"a copy that is not whole, or was changed: {COMPARE}")


async def check_beginning(journal: Published, shelf: Shelf, before: int, size: int) -> None:
    """Raise JournalForked unless the last of `before` published records is the one that this journal of `size` has there: its
    hash covers all before it."""
    hint = "keep what lies there: it shows that the store was rolled back, or is another; publish elsewhere"
    if before > size:
        raise JournalForked(f"{before} records are published there, and the journal has {size}", hint=hint)
    if before == 0:
        return
    records = await journal.read(after=before - 2, limit=1)
    there = await asyncio.to_thread(TileTree(before, _reader(shelf)).leaf, before - 1)
    if not records or leaf_hash(records[0].data) != there:
        raise JournalForked(f"record {before - 1} there is another than in this journal", hint=hint)


def _reader(shelf: Shelf) -> Read:
    def read(name: str) -> bytes:
        data = shelf.read(name)
        if data is None:
            raise TrustError(
                "a file of the published journal is missing", where=name, reason="journal-broken"
            )
        return data

    return read


def _last_chunk(shelf: Shelf, size: int) -> list[bytes]:
    """Return the records of the file that is not full; more may lie there than a checkpoint has covered."""
    within = size % RECORDS
    if not within:
        return []
    lines = _reader(shelf)(_chunk_name(size // RECORDS)).removesuffix(b"\n").split(b"\n")
    return lines[:within]


def _chunk_name(number: int) -> str:
    return f"records/{number:06d}.jsonl"


def _lines(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
