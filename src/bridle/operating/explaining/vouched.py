"""Verifies the records that an explanation rests on, and says what could not be verified.

Rules
  1. The bytes of each are canonical and have their hash.
  2. The trail of everything recorded about principals, and of the executions that the action belongs to, holds (trust.trail):
     permits, reports, approvals, in their order, under the keys of then.
  3. Each record lies under the newest signed checkpoint. One that is newer than that is only held by the chain.

Pure. Unlike `trust.audit` it goes on after a fault: whoever asks is told everything that is wrong, and what is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import BridleError
from bridle.operating.explaining.found import Found
from bridle.trust.audit import reread
from bridle.trust.journal import JournalError, Record
from bridle.trust.keys import KeyRing, Verifier
from bridle.trust.log.checkpoint import Checkpoint, claimed_size, read_checkpoint
from bridle.trust.log.merkle import leaf_hash, verify_inclusion
from bridle.trust.log.tiles import TileTree, tree_over
from bridle.trust.rotation import read_ring
from bridle.trust.trail import Trail


@dataclass(frozen=True)
class Vouched:
    """`covered` records were shown to lie under the checkpoint of `size` records. `faults` do not verify; `gaps` cannot be
    verified, and why."""

    records: int
    covered: int
    size: int
    keyid: str
    faults: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.faults

    def to_json(self) -> dict[str, Json]:
        return {
            "holds": self.holds,
            "records": self.records,
            "covered": self.covered,
            "checkpoint_size": self.size,
            "key": self.keyid,
            "faults": list(self.faults),
            "not_verified": list(self.gaps),
        }


def vouch(
    found: Found, named: Sequence[Record], *, key: Verifier, checkpoint: str, leaves: Sequence[bytes]
) -> Vouched:
    """Verify what was found, starting from a `key` that the control plane has or had, and that the records `named` lie under
    `checkpoint`; `leaves` are all up to its size."""
    faults: list[str] = []
    gaps: list[str] = []
    keys = KeyRing.only(key)
    try:
        keys = read_ring(found.registry, trusted=key)
    except JournalError as exc:
        faults.append(exc.what)
    _follow(found, keys, faults, gaps)
    signed = None
    try:
        signed = (
            read_checkpoint(checkpoint, keys.at(claimed_size(checkpoint) - 1), None) if checkpoint else None
        )
    except BridleError as exc:
        faults.append(exc.what)
    if signed is None:
        gaps.append("no checkpoint vouches for these records")
        return Vouched(len(named), 0, 0, key.keyid, tuple(faults), tuple(gaps))
    newer = [record for record in named if record.seq >= signed.size]
    older = [record for record in named if record.seq < signed.size]
    tree = tree_over(leaves)
    outside = [fault for fault in (_find_outside(record, signed, tree) for record in older) if fault]
    gaps += [
        f"{_name(record)} is newer than the last checkpoint: only the chain holds it" for record in newer
    ]
    covered = len(older) - len(outside)
    return Vouched(len(named), covered, signed.size, key.keyid, tuple(faults + outside), tuple(gaps))


def _find_outside(record: Record, signed: Checkpoint, tree: TileTree) -> str:
    """Say what is wrong with a record's place under a checkpoint; nothing when it lies there."""
    try:
        verify_inclusion(
            leaf_hash(record.data),
            index=record.seq,
            size=signed.size,
            proof=tree.inclusion(record.seq),
            root=signed.root,
        )
    except BridleError as exc:
        return f"{_name(record)}: {exc.what}"
    return ""


def _name(record: Record) -> str:
    return f"journal record {record.seq} ({record.kind})"


def _follow(found: Found, keys: KeyRing, faults: list[str], gaps: list[str]) -> None:
    """Follow the trail through everything that was read; note what breaks it, and what was signed with a key in other hands."""
    streams = (found.stream, *found.above, found.registry, found.texts)
    records = {record.seq: record for stream in streams for record in stream}
    trail = Trail(keys)
    for seq in sorted(records):
        try:
            trail.follow(reread(records[seq]))
        except JournalError as exc:
            faults.append(f"{exc.where}: {exc.what}")
    suspect = set(trail.signers.suspect)
    for record in found.about:
        if record.id in suspect:
            gaps.append(f"{_name(record)} was signed with a key that is marked as compromised by then")
