"""How full limits are, on SQL. Amounts are in ten-thousandths; the journal's head is locked while room is taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import limit_uses
from bridle.core.clock import iso
from bridle.gate.limits import (
    LONGEST,
    USD,
    Counts,
    Filling,
    GiveRoomBack,
    Limit,
    LimitFull,
    Rooms,
    SettleCost,
    TakeRoom,
    Use,
)

UNIT = Decimal("0.0001")
COLUMNS = limit_uses.c
SUM = sa.func.coalesce(sa.func.sum(COLUMNS.amount), 0)
TARGETS = sa.func.count(sa.distinct(COLUMNS.target))


class SqlRooms(Rows, Rooms):
    """Implements `gate.limits.Rooms`."""

    async def with_this(self, uses: Sequence[Use], *, now: datetime) -> list[Decimal]:
        return await self._database.read(
            lambda connection: [_with_this(connection, use, now) for use in uses]
        )

    async def fillings(self, limits: Sequence[Limit], *, now: datetime) -> list[Filling]:
        def work(connection: Connection) -> list[Filling]:
            return [filling for limit in limits for filling in _fillings(connection, limit, now)]

        return await self._database.read(work)


@apply_guard.register
def _(guard: TakeRoom, connection: Connection) -> None:
    for use in guard.uses:
        limit = use.limit
        total = _with_this(connection, use, guard.now)
        if total > limit.most and limit.name not in guard.passed:
            raise LimitFull(
                f"the limit {limit.name} holds {limit.most:f} {limit.counts}, and others have taken them"
            )
        if limit.within is not None:
            old = (
                COLUMNS.limit == limit.name,
                COLUMNS.group == use.group,
                COLUMNS.at < iso(guard.now - LONGEST),
            )
            connection.execute(limit_uses.delete().where(*old))
        change_one(guard, connection, limit_uses.insert().values(_row(guard, use)))


@apply_guard.register
def _(guard: GiveRoomBack, connection: Connection) -> None:
    connection.execute(limit_uses.delete().where(COLUMNS.key == guard.key))


@apply_guard.register
def _(guard: SettleCost, connection: Connection) -> None:
    mine = COLUMNS.key == guard.key, COLUMNS.target == USD
    connection.execute(limit_uses.update().where(*mine).values(amount=_in_units(guard.cost_usd)))


def _in_units(amount: Decimal) -> int:
    """Return an amount as it is kept: never less than it is, so that many small ones are not nothing."""
    return int((amount / UNIT).to_integral_value(ROUND_CEILING))


def _row(guard: TakeRoom, use: Use) -> dict[str, Any]:
    assert use.amount is not None  # what is not known was refused before
    return {
        "key": guard.key,
        "limit": use.limit.name,
        "group": use.group,
        "target": use.target,
        "amount": _in_units(use.amount),
        "at": iso(guard.now),
    }


def _with_this(connection: Connection, use: Use, now: datetime) -> Decimal:
    """Return what the limit comes to with one use more."""
    assert use.amount is not None
    counted = _counted(use.limit, now), COLUMNS.group == use.group
    if use.limit.counts is Counts.TARGETS:
        others = sa.select(TARGETS).where(*counted, COLUMNS.target != use.target)
        return Decimal(int(connection.execute(others).scalar_one()) + 1)
    return int(connection.execute(sa.select(SUM).where(*counted)).scalar_one()) * UNIT + use.amount


def _fillings(connection: Connection, limit: Limit, now: datetime) -> list[Filling]:
    taken = TARGETS if limit.counts is Counts.TARGETS else SUM
    query = sa.select(COLUMNS.group, taken.label("taken")).where(_counted(limit, now)).group_by(COLUMNS.group)
    unit = Decimal(1) if limit.counts is Counts.TARGETS else UNIT
    found = [Filling(limit.name, row.group, int(row.taken) * unit) for row in connection.execute(query)]
    return sorted(found, key=lambda filling: (-filling.used, filling.group))


def _counted(limit: Limit, now: datetime) -> sa.ColumnElement[bool]:
    named = COLUMNS.limit == limit.name
    return named if limit.within is None else sa.and_(named, COLUMNS.at > iso(now - limit.within))
