"""Whose key a record has to be signed with: the control plane's and each delegate's, as they were at that record.

Rules
  1. A delegate has the key that it was first registered with until a rotation gives it another.
  2. A key that was in other hands by then makes what it signed suspect, not wrong.
"""

from __future__ import annotations

from bridle.trust.bodies import must, read_text
from bridle.trust.journal import Record
from bridle.trust.keys import KeyRing, Verifier
from bridle.trust.rotation import check_rotation, is_rotation


class Signers:
    """Follows registrations and rotations in order. `suspect` are the ids of records signed with a key in other hands."""

    def __init__(self, keys: KeyRing) -> None:
        self.delegates: dict[str, Verifier] = {}
        self.suspect: list[str] = []
        self._keys = keys

    def at(self, record: Record) -> Verifier:
        """Return the control plane's key at a record."""
        key = self._keys.at(record.seq)
        self.note(record, key)
        return key

    def before(self, record: Record) -> tuple[Verifier, ...]:
        """Return the keys that the control plane had before that."""
        return self._keys.before(record.seq)

    def note(self, record: Record, key: Verifier) -> None:
        """Note a record whose key was in other hands by then."""
        if self._keys.is_suspect(key.keyid, record.at):
            self.suspect.append(record.id)

    def register(self, record: Record) -> None:
        """Take in a delegate's registration, which gives nobody another key."""
        key, known = Verifier.from_hex(read_text(record, "public_key")), self.delegates.get(record.subject)
        same = known is None or known.keyid == key.keyid
        must(record, same, "it has another key, and no rotation gave it that")
        self.delegates[read_text(record, "id")] = key

    def rotate(self, record: Record) -> None:
        """Take in a rotation."""
        if is_rotation(record):
            self._check_ring(record)
            return
        old, new = check_rotation(record, control_plane=self.at(record))
        delegate = read_text(record, "signer")
        known = self.delegates.get(delegate)
        must(record, known is not None and known.keyid == old.keyid, "it replaces a key that it did not have")
        self.delegates[delegate] = new

    def _check_ring(self, record: Record) -> None:
        """The ring was made of all rotations before: this one is among them, at this place."""
        _, new = check_rotation(record)
        era = self._keys.era_at(record.seq)
        same = era.first == record.seq and era.verifier.keyid == new.keyid
        must(record, same, "it is none of the rotations that the keys were taken from")
