"""A witness: somebody else, with a key of their own, who looks at a published journal again and again and remembers it.

Rules
  1. It cosigns a checkpoint that the log's key signed and that continues the last one it cosigned: a consistency proof, read from
     the published tiles, shows that.
  2. Refused, and recorded with the checkpoint: one with fewer records than the last (a roll-back), another root for as many (a
     fork), one that does not continue the last (a fork), one whose files are not there or that speaks of more records than are
     published (from the future), another key than the log's, and any when its own clock stands before its last cosignature.
  3. The log's key may be rotated: the records since the last look say so, signed by the key that the witness trusts.
  4. A new witness believes the first checkpoint that it sees.

It reads the journal's records only for rotations. Whether they were allowed is the audit's question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bridle.core.errors import BridleError, TrustError, UnavailableError
from bridle.trust.journal import JournalError
from bridle.trust.keys import KeyRing, Signer, Verifier
from bridle.trust.log.checkpoint import Checkpoint, CheckpointError, claimed_size, read_checkpoint
from bridle.trust.log.cosignature import cosign
from bridle.trust.log.merkle import EMPTY_ROOT, verify_consistency
from bridle.trust.log.publication import CHECKPOINT, Shelf, find_rotations, read_lines
from bridle.trust.log.tiles import TileTree
from bridle.trust.rotation import read_ring


class WitnessError(TrustError):
    """The checkpoint is not what this witness can put its name to."""

    default_reason = "not-witnessed"


@dataclass(frozen=True)
class Seen:
    """What a witness remembers: the last checkpoint that it cosigned, the log's key then, and when."""

    checkpoint: Checkpoint
    key: Verifier
    at: datetime


@dataclass(frozen=True)
class Witnessed:
    """A cosigned checkpoint, and what is to be remembered of it."""

    text: str
    seen: Seen
    added: int


def look(
    shelf: Shelf, *, signer: Signer, name: str, trusted: Verifier, last: Seen | None, now: datetime
) -> Witnessed:
    """Check the published checkpoint against the last one and cosign it; raise WitnessError for what cannot be cosigned."""
    data = shelf.read(CHECKPOINT)
    if data is None:
        raise WitnessError("no checkpoint is published", hint="bridle audit export --out DIR")
    text = data.decode("utf-8", "replace")
    if last is not None and now < last.at:
        raise WitnessError(f"the clock stands before the last cosignature ({last.at.isoformat()})")
    try:
        return _cosign(shelf, text, signer=signer, name=name, trusted=trusted, last=last, now=now)
    except UnavailableError:
        raise  # nothing was found out: look again later
    except (CheckpointError, JournalError) as exc:
        raise WitnessError(exc.what, where=exc.where) from exc


def _cosign(
    shelf: Shelf,
    text: str,
    *,
    signer: Signer,
    name: str,
    trusted: Verifier,
    last: Seen | None,
    now: datetime,
) -> Witnessed:
    size, before = claimed_size(text), last.checkpoint.size if last else 0
    if size < before:
        raise WitnessError(f"it was rolled back: {size} records, and {before} were witnessed")
    key = _follow_key(shelf, trusted, before, size)
    checkpoint = read_checkpoint(text, key, last.checkpoint.origin if last else None)
    tree = TileTree(size, _reader(shelf))
    if _told(tree.root) != checkpoint.root:
        raise WitnessError(f"the tiles there are not those of the {size} records that it speaks of")
    if last is not None:
        _check_continues(tree, last.checkpoint, checkpoint)
    return Witnessed(cosign(signer, name, text, at=now), Seen(checkpoint, key, now), size - before)


def _check_continues(tree: TileTree, last: Checkpoint, checkpoint: Checkpoint) -> None:
    if last.size == 0:
        if last.root != EMPTY_ROOT:
            raise WitnessError("it was witnessed with another beginning")
        return
    try:
        verify_consistency(
            old_size=last.size,
            old_root=last.root,
            size=checkpoint.size,
            root=checkpoint.root,
            proof=tree.consistency(last.size),
        )
    except TrustError as exc:
        raise WitnessError(
            f"it was forked: the {last.size} records that were witnessed are not its beginning",
            hint="keep both checkpoints: together they prove that the log was told in two ways",
        ) from exc


def _follow_key(shelf: Shelf, trusted: Verifier, before: int, size: int) -> Verifier:
    """Return the log's key at `size` records, by the rotations since the last look."""
    count = sum(1 for _ in read_lines(shelf, limit=size))
    rotations = [record for record in find_rotations(shelf, limit=size) if record.seq >= before]
    if count < size:
        raise WitnessError(f"it is from the future: it speaks of {size} records, {count} are published")
    ring: KeyRing = read_ring(rotations, trusted=trusted)
    return ring.at(size - 1)


def _reader(shelf: Shelf) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        data = shelf.read(name)
        if data is None:
            raise WitnessError(f"it is from the future: {name} is not published")
        return data

    return read


def _told(root: Callable[[], bytes]) -> bytes:
    try:
        return root()
    except UnavailableError:
        raise
    except BridleError as exc:
        raise WitnessError(exc.what, where=exc.where) from exc
