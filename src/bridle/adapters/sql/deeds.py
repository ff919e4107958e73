"""What was done to targets, on SQL: one row for each consequential action that succeeded or may have."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import deeds
from bridle.core.clock import from_iso, iso
from bridle.gate.loops import Change, Deed, Deeds, ForgetDeeds, RecordDeed


class SqlDeeds(Rows, Deeds):
    """Implements `gate.loops.Deeds`."""

    async def of(self, target: str, *, since: datetime) -> list[Deed]:
        query = (
            deeds.select().where(deeds.c.target == target, deeds.c.at >= iso(since)).order_by(deeds.c.number)
        )
        return await self._list(query, _read)


@apply_guard.register
def _(guard: RecordDeed, connection: Connection) -> None:
    deed = guard.deed
    row = {
        "key": deed.key,
        "target": deed.change.target,
        "exact": deed.change.exact,
        "alike": deed.change.alike,
        "execution": deed.execution,
        "tool": deed.tool,
        "at": iso(deed.at),
        "anew": deed.anew,
        "moved": deed.moved,
    }
    change_one(guard, connection, deeds.insert().values(row))


@apply_guard.register
def _(guard: ForgetDeeds, connection: Connection) -> None:
    connection.execute(deeds.delete().where(deeds.c.at < iso(guard.before)))


def _read(row: sa.Row[Any]) -> Deed:
    return Deed(
        change=Change(row.target, row.exact, row.alike),
        key=row.key,
        execution=row.execution,
        tool=row.tool,
        at=from_iso(row.at),
        anew=row.anew,
        moved=row.moved,
    )
