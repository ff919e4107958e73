"""Obligations on SQL: one row for each that is neither fulfilled nor parked."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.rows import Rows, reads, to_columns
from bridle.adapters.sql.schema import obligations
from bridle.core.canonical import canonical
from bridle.core.clock import from_iso, iso
from bridle.gate.obligations import DropObligation, Fulfil, Obligation, Obligations, Oblige, TakeObligation

COLUMNS = obligations.c
_read = reads(Obligation, matching=json.loads, due_at=from_iso)


class SqlObligations(Rows, Obligations):
    """Implements `gate.obligations.Obligations`."""

    async def overdue(self, now: datetime) -> list[Obligation]:
        query = obligations.select().where(COLUMNS.due_at <= iso(now)).order_by(COLUMNS.due_at)
        return await self._list(query, _read)


@apply_guard.register
def _(guard: Oblige, connection: Connection) -> None:
    change_one(guard, connection, obligations.insert().values(to_columns(guard.obligation)))


@apply_guard.register
def _(guard: DropObligation, connection: Connection) -> None:
    connection.execute(obligations.delete().where(COLUMNS.key == guard.key))


@apply_guard.register
def _(guard: Fulfil, connection: Connection) -> None:
    owed = connection.execute(
        obligations.select().where(COLUMNS.tool == guard.tool).order_by(COLUMNS.due_at)
    ).all()
    kept = json.loads(canonical(guard.values))
    for row in owed:
        if all(name in kept and kept[name] == value for name, value in json.loads(row.matching).items()):
            connection.execute(obligations.delete().where(COLUMNS.key == row.key))
            return  # one deed pays one debt, the one that is due first


@apply_guard.register
def _(guard: TakeObligation, connection: Connection) -> None:
    change_one(guard, connection, obligations.delete().where(COLUMNS.key == guard.key))
