"""The Merkle tree over the journal: roots, and proofs that somebody else can check without having the journal.

Rules (RFC 6962 section 2.1; the checks are those of RFC 9162 section 2.1)
  1. A leaf is sha256(0x00 || record), a node sha256(0x01 || left || right): neither can be taken for the other.
  2. A frontier holds only the roots of the full subtrees, one per bit of the size: appending and asking for
     the root cost O(log n), and it fits in one row of a table.
  3. An inclusion proof shows that a leaf is at an index under a root, a consistency proof that an older tree
     is the beginning of a newer one. A proof has exactly as many hashes as it needs, or it is refused.

Nothing here knows whether a root can be trusted; that is trust.log.checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import reduce

from bridle.core.canonical import Json
from bridle.core.errors import TrustError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofError(TrustError):
    """A Merkle proof does not show what it is meant to show."""

    default_reason = "bad-proof"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf that holds `data`."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: `levels[n]` is the root of the full subtree of 2**n leaves, or None."""

    def __init__(self, levels: Sequence[bytes | None] = ()) -> None:
        if any(node is not None and len(node) != HASH_BYTES for node in levels) or (
            levels and not levels[-1]
        ):
            raise ProofError("not the frontier of a tree", hint="bridle audit verify rebuilds it")
        self._levels = list(levels)

    @property
    def size(self) -> int:
        return sum(1 << level for level, node in enumerate(self._levels) if node)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        if len(leaf) != HASH_BYTES:
            raise ProofError(f"a leaf hash has {HASH_BYTES} bytes")
        for level, node in enumerate(self._levels):
            if node is None:
                self._levels[level] = leaf
                return
            leaf, self._levels[level] = node_hash(node, leaf), None
        self._levels.append(leaf)

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        nodes = [node for node in self._levels if node]
        return reduce(lambda right, left: node_hash(left, right), nodes) if nodes else EMPTY_ROOT

    def to_json(self) -> list[Json]:
        """Return the levels in hexadecimal, the leaf's first; an empty tree is an empty list."""
        return [node and node.hex() for node in self._levels]

    @classmethod
    def from_json(cls, data: Sequence[Json]) -> Frontier:
        """Read what `to_json` wrote; raise ProofError for anything else."""
        try:
            return cls([None if node is None else bytes.fromhex(node) for node in data])  # type: ignore[arg-type]
        except (TypeError, ValueError) as exc:
            raise ProofError(f"not the frontier of a tree: {exc}") from exc


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless the leaf hash is at `index` of the tree of `size` with this root."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    node, place, last = leaf, index, size - 1
    for step in _hashes(proof):
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if place & 1 or place == last:
            node = node_hash(step, node)
            while place & 1 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, step)
        place, last = place >> 1, last >> 1
    if last != 0 or node != root:
        raise ProofError(f"leaf {index} is not under this root")


def verify_consistency(
    *, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the tree of `old_size` is the beginning of the tree of `size`."""
    if not 0 < old_size <= size:
        raise ProofError(f"a tree of {old_size} is not the beginning of one of {size}")
    if old_size == size:
        if proof or old_root != root:
            raise ProofError("two trees of one size have different roots")
        return
    steps = _hashes(proof)
    if old_size & (old_size - 1) == 0:
        steps = [old_root, *steps]
    if not steps or _walk(steps, old_size - 1, size - 1) != (old_root, root):
        raise ProofError(f"the tree of {old_size} is not the beginning of this one")


def _walk(steps: Sequence[bytes], place: int, last: int) -> tuple[bytes, bytes]:
    """Rebuild the old and the new root from a consistency proof."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while place & 1 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is too short")
    return old, new


def _hashes(proof: Sequence[bytes]) -> list[bytes]:
    if any(len(step) != HASH_BYTES for step in proof):
        raise ProofError(f"a hash in a proof has {HASH_BYTES} bytes")
    return list(proof)
