"""Locks and barriers on SQL. The rules are those of `engine.locks`; time is the database's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, refuse
from bridle.adapters.sql.leases import read_clock
from bridle.adapters.sql.lock_lines import ENDED, count_ahead, read_line, read_place
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import barrier_arrivals, lock_tickets
from bridle.engine.lock_circles import find_youngest
from bridle.engine.locks import (
    Arrive,
    Depart,
    Holder,
    LeaveCircle,
    LockStore,
    Place,
    RenewTickets,
    ReturnTicket,
    ReturnTickets,
    TakeTicket,
    divide,
)

TICKETS, ARRIVALS = lock_tickets.c, barrier_arrivals.c
NEXT_TICKET = sa.select(sa.func.coalesce(sa.func.max(TICKETS.number), 0) + 1)
NEXT_ARRIVAL = sa.select(sa.func.coalesce(sa.func.max(ARRIVALS.number), 0) + 1)


class SqlLockStore(Rows, LockStore):
    """Implements `engine.locks.LockStore`."""

    async def position(self, name: str, holder: Holder) -> Place:
        return await self._database.read(lambda connection: read_place(connection, name, holder))

    async def names(self, execution: str, region: str) -> list[str]:
        tickets = sa.select(TICKETS.name).where(*_of_region(execution, region))
        arrivals = sa.select(ARRIVALS.name).where(ARRIVALS.execution == execution, sa.literal(region == ""))
        query = tickets.union(arrivals)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [row.name for row in rows]

    async def heads(self, *, names: Collection[str] = (), executions: Collection[str] = ()) -> list[Holder]:
        return await self._database.read(lambda connection: _heads(connection, names, executions))

    async def lost(self, executions: Collection[str]) -> list[tuple[Holder, str]]:
        query = lock_tickets.select().where(TICKETS.lost.is_(True), TICKETS.execution.in_(list(executions)))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [(_holder(row), row.name) for row in rows]

    async def arrivals(self, execution: str, name: str) -> list[str]:
        return await self._database.read(lambda connection: _arrivals(connection, execution, name))


@apply_guard.register
def _(guard: TakeTicket, connection: Connection) -> None:
    holder, now = guard.holder, read_clock(connection)
    connection.execute(lock_tickets.delete().where(TICKETS.name == guard.name, TICKETS.execution.in_(ENDED)))
    mine = _mine(guard.name, holder)
    renewed = connection.execute(
        lock_tickets.update().where(*mine, TICKETS.lost.is_(False)).values(expires_at=now + guard.ttl_s)
    )
    if not renewed.rowcount:
        connection.execute(lock_tickets.delete().where(*mine))  # one that was lost stands at the end again
        values = {
            "name": guard.name,
            "execution": holder.execution,
            "path": holder.path,
            "region": holder.region,
        }
        number = connection.execute(NEXT_TICKET).scalar_one()
        connection.execute(
            lock_tickets.insert().values(
                number=number, expires_at=now + guard.ttl_s, held=False, lost=False, **values
            )
        )
    if count_ahead(connection, guard.name, holder) == 0:
        _grant(connection, guard.name, holder, now)


def _grant(connection: Connection, name: str, holder: Holder, now: float) -> None:
    """Note that the holder has the lock, and that whoever let it run out has not."""
    others = TICKETS.name == name, TICKETS.execution != holder.execution, TICKETS.expires_at < now
    connection.execute(lock_tickets.update().where(*others, TICKETS.held.is_(True)).values(lost=True))
    connection.execute(lock_tickets.delete().where(*others, TICKETS.held.is_(False)))
    connection.execute(lock_tickets.update().where(*_mine(name, holder)).values(held=True))


@apply_guard.register
def _(guard: LeaveCircle, connection: Connection) -> None:
    circle = read_place(connection, guard.name, guard.holder).circle
    if not circle or find_youngest(circle) != circle[0]:
        raise refuse(guard, "is none of which it is the youngest")
    connection.execute(lock_tickets.delete().where(*_mine(guard.name, guard.holder)))


@apply_guard.register
def _(guard: ReturnTicket, connection: Connection) -> None:
    connection.execute(lock_tickets.delete().where(*_mine(guard.name, guard.holder)))


@apply_guard.register
def _(guard: ReturnTickets, connection: Connection) -> None:
    connection.execute(lock_tickets.delete().where(*_of_region(guard.execution, guard.region)))
    if not guard.region:
        connection.execute(barrier_arrivals.delete().where(ARRIVALS.execution == guard.execution))


@apply_guard.register
def _(guard: RenewTickets, connection: Connection) -> None:
    mine = TICKETS.execution.in_(sorted(guard.executions)), TICKETS.lost.is_(False)
    expires_at = read_clock(connection) + guard.ttl_s
    connection.execute(lock_tickets.update().where(*mine).values(expires_at=expires_at))


@apply_guard.register
def _(guard: Arrive, connection: Connection) -> None:
    values = {"execution": guard.execution, "name": guard.name, "path": guard.path}
    known = sa.select(ARRIVALS.number).where(*(ARRIVALS[name] == value for name, value in values.items()))
    if connection.execute(known).one_or_none() is None:
        number = connection.execute(NEXT_ARRIVAL).scalar_one()
        connection.execute(barrier_arrivals.insert().values(number=number, **values))


@apply_guard.register
def _(guard: Depart, connection: Connection) -> None:
    last = divide(_arrivals(connection, guard.execution, guard.name), guard.of)[-1:]
    if last and guard.path in last[0] and len(last[0]) < guard.of:
        mine = ARRIVALS.execution == guard.execution, ARRIVALS.name == guard.name, ARRIVALS.path == guard.path
        connection.execute(barrier_arrivals.delete().where(*mine))


def _arrivals(connection: Connection, execution: str, name: str) -> list[str]:
    """Return the paths that have come to a barrier, in order."""
    mine = ARRIVALS.execution == execution, ARRIVALS.name == name
    query = sa.select(ARRIVALS.path).where(*mine).order_by(ARRIVALS.number)
    return list(connection.execute(query).scalars())


def _heads(connection: Connection, names: Collection[str], among: Collection[str]) -> list[Holder]:
    query = sa.select(TICKETS.name).where(TICKETS.held.is_(False)).distinct()
    query = query.where(TICKETS.execution.in_(list(among)) if among else TICKETS.name.in_(list(names)))
    lines = [read_line(connection, row.name) for row in connection.execute(query).all()]
    return [
        _holder(line[0])
        for line in lines
        if line and not line[0].held and (not among or line[0].execution in among)
    ]


def _mine(name: str, holder: Holder) -> tuple[sa.ColumnElement[bool], ...]:
    return TICKETS.name == name, TICKETS.execution == holder.execution, TICKETS.path == holder.path


def _of_region(execution: str, region: str) -> tuple[sa.ColumnElement[bool], ...]:
    mine = TICKETS.execution == execution
    return (mine, TICKETS.region == region) if region else (mine,)


def _holder(row: Any) -> Holder:
    return Holder(row.execution, row.path, row.region)
