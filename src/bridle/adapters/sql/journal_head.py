"""The row that the next record follows: how many there are, the last one's hash, the edge of their tree, and whose key signs.

It says nothing that the records do not say, and saves reading all of them for each append. So it is believed as far as it fits:
whoever appends compares it with the last record, unless this process wrote it; an audit compares all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.schema import journal, journal_head
from bridle.trust.journal import GENESIS, JournalError, Record
from bridle.trust.log.merkle import Frontier, ProofError, leaf_hash

# Made once: building a statement takes as long as running it.
LOOK = Prepared(sa.select(journal_head))
LOCK = Prepared(sa.select(journal_head).with_for_update())
MOVE = Prepared(
    journal_head.update().values(
        size=sa.bindparam("new_size"), hash=sa.bindparam("new_hash"), frontier=sa.bindparam("new_frontier")
    )
)
NEWEST = Prepared(sa.select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1))
WHERE = "the store's table journal_head"
HINT = "somebody has written into the store: stop what runs, and restore it from a copy"


@dataclass(frozen=True)
class Head:
    """What the row says."""

    size: int
    hash: str
    frontier: Frontier
    signer: str

    @classmethod
    def read(cls, connection: Connection, *, how: Prepared = LOOK) -> Head:
        """Read the row, with LOCK for the transaction that moves it; raise JournalError when it is not there, or is none."""
        row = how.row(connection)
        try:
            if row is not None:
                return cls(row.size, row.hash, Frontier.from_json(json.loads(row.frontier)), row.signer)
        except (ValueError, TypeError, ProofError) as error:
            raise JournalError("its edge of the tree is none", where=WHERE, hint=HINT) from error
        raise JournalError("the journal has no head", where=WHERE, hint=HINT)

    @property
    def place(self) -> tuple[int, str, str]:
        """Say where the journal ends: how many records there are, the last one's hash, the edge of their tree."""
        return self.size, self.hash, json.dumps(self.frontier.to_json())

    def check_last(self, connection: Connection, *, wrote: tuple[int, str, str] | None) -> None:
        """Raise JournalError unless it is what this process `wrote`, or that of a last record that another process wrote."""
        if self.place == wrote:
            return
        row: Any = NEWEST.row(connection)
        ends = (row.seq + 1, row.hash) if row else (0, GENESIS)
        has_other_edge = wrote is not None and wrote[:2] == ends
        if (self.size, self.hash) != ends or self.frontier.size != self.size or has_other_edge:
            raise JournalError("it is not that of the last record", where=WHERE, hint=HINT)

    def move(self, connection: Connection, records: Iterable[Record]) -> Head:
        """Write the row anew behind `records`, and return what it says now."""
        size, last = self.size, self.hash
        for record in records:
            self.frontier.append(leaf_hash(record.data))
            size, last = size + 1, record.hash
        moved = Head(size, last, self.frontier, self.signer)
        MOVE.change(connection, dict(zip(("new_size", "new_hash", "new_frontier"), moved.place, strict=True)))
        return moved

    def check(self, records: Sequence[Record], *, signer: str) -> None:
        """Raise JournalError unless it is that of the first of these records, and of a journal that this key signs."""
        frontier, size, last = Frontier(), 0, GENESIS
        for record in records[: self.size]:
            frontier.append(leaf_hash(record.data))
            size, last = size + 1, record.hash
        if Head(size, last, frontier, self.signer).place != self.place:
            raise JournalError("it is not that of these records", where=WHERE, hint=HINT)
        if self.signer not in (signer, ""):
            raise JournalError(f"it names the key {self.signer}, and {signer} signs", where=WHERE, hint=HINT)

    def check_holds(self, records: Sequence[Record]) -> None:
        """Raise JournalError when there are more records than it says."""
        if self.size < len(records):
            raise JournalError("it is that of fewer records", where=WHERE, hint=HINT)
