"""Keys of the journal on SQL: which one signs it, the rotations that it holds, and the change of the key that may append."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.schema import journal, journal_head
from bridle.trust.journal import Kind, Record, unseal
from bridle.trust.rotation import key_subject


@dataclass(frozen=True)
class RotateSigner:
    """Guard: have another key sign the journal from here on, if the old one does still. Keys by their ids."""

    old: str
    new: str
    guards = "key {0.old}"


def load_rotations(database: Database, signers: Iterable[str]) -> list[Record]:
    """Return every rotation of these signers that the journal holds, in order; found by the index, for every command looks."""
    subjects = [key_subject(signer) for signer in signers]
    query = (
        sa.select(journal.c.data, journal.c.hash)
        .where(journal.c.execution == "", journal.c.subject.in_(subjects))
        .where(journal.c.kind == str(Kind.KEY_ROTATED))
        .order_by(journal.c.seq)
    )
    with database.engine.connect() as connection:
        return [unseal(row.data, row.hash) for row in connection.execute(query)]


def load_signer_id(database: Database) -> str:
    """Return the id of the key that signs the journal, empty before its first record."""
    with database.engine.connect() as connection:
        return str(connection.execute(sa.select(journal_head.c.signer)).scalar_one())


@apply_guard.register
def _(guard: RotateSigner, connection: Connection) -> None:
    change_one(
        guard,
        connection,
        journal_head.update().where(journal_head.c.signer == guard.old).values(signer=guard.new),
    )
