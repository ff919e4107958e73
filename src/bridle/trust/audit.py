"""The audit: reading the whole journal again and believing nothing of it.

Rules
  1. Only the records' bytes are believed; they are canonical, have their hash, and each follows the one before
     it (trust.journal).
  2. Every checkpoint is signed with the key that the control plane had then (trust.rotation), all are of one log, and each has
     the root that the records up to it really have. A checkpoint that speaks of more records than there are means that records
     were removed.
  3. Permits, reports, approvals and their order hold (trust.trail).
  4. What lies behind the last checkpoint is counted and said: only the chain vouches for it.

An exported journal is a text of lines: a header, the records' own bytes, the checkpoints. A line ends with a line feed and with
nothing else that is called a line's end somewhere: a record may hold such a character. Verifying it needs the
control plane's public key and nothing else. Cutting off its end together with the checkpoints there cannot be
seen from inside; a checkpoint that was kept elsewhere shows it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.encoding import EncodingError, read_canonical, read_json
from bridle.trust.journal import (
    COMPARE,
    GENESIS,
    JournalError,
    Kind,
    Record,
    read_content,
    unseal,
    verify_chain,
)
from bridle.trust.keys import KeyRing, Verifier
from bridle.trust.log.checkpoint import Checkpoint, CheckpointError, claimed_size, read_checkpoint
from bridle.trust.log.merkle import Frontier, leaf_hash
from bridle.trust.rotation import read_ring
from bridle.trust.signatures import Signatures
from bridle.trust.trail import Trail

FORMAT = "bridle/journal/1"
EXPORT_ANEW = "take it again with bridle audit export, or compare with another copy"


@dataclass(frozen=True)
class AuditResult:
    """What was found to hold. `uncovered` records lie behind the last checkpoint; `open_intents` are the keys
    of actions that were begun and have no outcome; `suspect` the ids of records whose key was in other hands by then."""

    records: int
    root: str
    checkpoints: int
    uncovered: int
    permits: int
    reports: int
    open_intents: tuple[str, ...]
    suspect: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        return {**vars(self), "open_intents": list(self.open_intents), "suspect": list(self.suspect)}


@dataclass(frozen=True)
class Export:
    """An exported journal, read but not verified."""

    records: tuple[Record, ...]
    checkpoints: tuple[str, ...]


def verify_journal(
    records: Iterable[Record],
    *,
    checkpoints: Sequence[str],
    control_plane: Verifier,
    origin: str | None = None,
) -> AuditResult:
    """Check everything there is to check; raise JournalError or CheckpointError that names the first fault.

    `checkpoints` may hold ones that were kept elsewhere. Without an `origin` all have to name the same log.
    """
    records = list(records)
    rotations = [reread(record) for record in records if record.kind is Kind.KEY_ROTATED]
    return verify_read(
        map(reread, records),
        rotations=rotations,
        checkpoints=checkpoints,
        control_plane=control_plane,
        origin=origin,
    )


def verify_read(
    records: Iterable[Record],
    *,
    rotations: Sequence[Record],
    checkpoints: Sequence[str],
    control_plane: Verifier,
    origin: str | None = None,
    take: Callable[[bytes], None] = lambda leaf: None,
) -> AuditResult:
    """Check records that `read_record` has read, one after the other: as many as there are, in little memory.

    `rotations` are those among them, found before; one that was not found is a fault. `take` is given each leaf's hash.
    """
    keys = read_ring(rotations, trusted=control_plane)
    signed = _read_checkpoints(checkpoints, keys, origin)
    frontier, previous, size = Frontier(), GENESIS, 0
    _compare(signed, frontier)
    with Signatures() as signatures:
        trail = Trail(keys, signatures.add)
        for record in records:
            verify_chain([record], previous=previous, first=size)
            trail.follow(record)
            leaf = leaf_hash(record.data)
            frontier.append(leaf)
            take(leaf)
            previous, size = record.hash, size + 1
            if size in signed:
                _compare(signed, frontier)
    covered = max(signed, default=0)
    if covered > frontier.size:
        raise JournalError(
            f"a checkpoint speaks of {covered} records, there are {frontier.size}",
            where="the end of the journal",
            hint=f"its end was cut off, or the checkpoint is of a newer copy: {COMPARE}",
        )
    return AuditResult(
        records=frontier.size,
        root=frontier.root().hex(),
        checkpoints=len(checkpoints),
        uncovered=frontier.size - covered,
        permits=trail.permits,
        reports=trail.reports,
        open_intents=tuple(trail.open_intents),
        suspect=tuple(trail.signers.suspect),
    )


def export_lines(records: Iterable[Record], checkpoints: Iterable[str] = ()) -> Iterator[str]:
    """Return the lines of an export, without line ends; a record's line is exactly its bytes."""
    yield json.dumps({"format": FORMAT})
    for record in records:
        yield record.data.decode()
    for text in checkpoints:
        yield json.dumps({"checkpoint": text})


def read_export(text: str) -> Export:
    """Read the text of an export; raise InputError or JournalError when it is none."""
    if not text.strip():
        raise InputError("it is empty", where="line 1", hint=EXPORT_ANEW, reason="nothing-to-verify")
    records: list[Record] = []
    checkpoints: list[str] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        value = _read_line(line, number)
        if number == 1:
            _check_header(value)
        elif "checkpoint" in value:
            checkpoints.append(str(value["checkpoint"]))
        else:
            data = line.encode()
            records.append(unseal(data, hashlib.sha256(data).hexdigest()))
    return Export(tuple(records), tuple(checkpoints))


def _read_line(line: str, number: int) -> Mapping[str, Json]:
    try:
        value = read_json(line.encode("utf-8", "surrogateescape"), what="the line")
    except EncodingError as exc:
        hint = f"the line was cut or changed: {EXPORT_ANEW}"
        raise InputError(exc.what, where=f"line {number}", hint=hint) from exc
    if not isinstance(value, Mapping):
        raise InputError("the line is not an object", where=f"line {number}")
    return value


def _check_header(value: Mapping[str, Json]) -> None:
    if value != {"format": FORMAT}:
        raise InputError(
            f"the header is missing: no journal of the form {FORMAT}", where="line 1", hint=EXPORT_ANEW
        )


def _read_checkpoints(texts: Sequence[str], keys: KeyRing, origin: str | None) -> dict[int, list[Checkpoint]]:
    signed: dict[int, list[Checkpoint]] = {}
    for text in texts:
        checkpoint = read_checkpoint(text, keys.at(claimed_size(text) - 1), origin)
        origin = origin or checkpoint.origin
        signed.setdefault(checkpoint.size, []).append(checkpoint)
    return signed


def _compare(signed: Mapping[int, list[Checkpoint]], frontier: Frontier) -> None:
    for checkpoint in signed.get(frontier.size, ()):
        if checkpoint.root != frontier.root():
            raise CheckpointError(
                "the journal up to here does not have the root that was signed",
                where=f"the checkpoint at {checkpoint.size} records",
                hint=f"a record before it was changed, and the chain behind it made anew: {COMPARE}",
            )


def reread(record: Record) -> Record:
    """Return what the record's bytes say, whatever its fields say."""
    return read_record(record.data, stored_hash=record.hash, where=f"journal record {record.seq}")


def read_record(data: bytes, *, stored_hash: str, where: str) -> Record:
    """Return the record that these bytes are; raise JournalError when they are none, or not in the one spelling."""
    try:
        value = read_canonical(data, what="the record")
    except EncodingError as exc:
        raise JournalError(exc.what, where=where) from exc
    record = read_content(value, data=data, stored_hash=stored_hash)
    texts = (record.id, record.at, record.execution, record.subject, record.previous)
    shaped = isinstance(record.body, Mapping) and isinstance(record.raw, Mapping) and type(record.seq) is int
    if not shaped or not all(isinstance(text, str) for text in texts):
        raise JournalError("it is not a record", where=where)
    return record
