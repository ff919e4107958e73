"""The lines of the locks: who is before whom, and who waits in a circle. Reads only; the rules are those of `engine.locks`."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.leases import read_clock
from bridle.adapters.sql.schema import executions, lock_tickets
from bridle.engine.lock_circles import Ticket, find_circle, is_inside, list_places
from bridle.engine.locks import Holder, Place

TICKETS, EXECUTIONS = lock_tickets.c, executions.c
ENDED = sa.select(EXECUTIONS.id).where(EXECUTIONS.ended_at.is_not(None))


def read_line(connection: Connection, name: str) -> list[Any]:
    """Return the tickets of a lock that count, oldest first."""
    query = lock_tickets.select().where(TICKETS.name == name, *_count(connection))
    return list(connection.execute(query.order_by(TICKETS.number)))


def read_place(connection: Connection, name: str, holder: Holder) -> Place:
    """Return where a holder stands, with the circle that it waits in."""
    ahead = count_ahead(connection, name, holder)
    return Place(ahead, _read_circle(connection, name, holder) if ahead else ())


def count_ahead(connection: Connection, name: str, holder: Holder) -> int:
    """Count who is before the holder; a ticket whose region it is in does not stand in its way."""
    line = read_line(connection, name)
    if line and _is_around(connection, line[0], holder):
        return 0
    places = [
        at for at, row in enumerate(line) if (row.execution, row.path) == (holder.execution, holder.path)
    ]
    return places[0] if places else len(line)


def _is_around(connection: Connection, first: Any, holder: Holder) -> bool:
    """True when the first in line has the lock for the region that the holder is in, or was begun in."""
    if first.execution == holder.execution:
        return is_inside(holder.path, first.region)
    origins = _read_origins(connection, [holder.execution])
    places = dict(list_places(holder.execution, holder.path, origins))
    return first.execution in places and is_inside(places[first.execution], first.region)


def _read_circle(connection: Connection, name: str, holder: Holder) -> tuple[Ticket, ...]:
    """Who holds nothing else, nor belongs to who does, closes no circle: most are like that, and lines can be long."""
    origins = _read_origins(connection, [holder.execution])
    own = [execution for execution, _ in list_places(holder.execution, holder.path, origins)]
    is_mine = sa.and_(*(TICKETS[key] == value for key, value in vars(holder).items()), TICKETS.name == name)
    other = sa.select(TICKETS.name).where(TICKETS.execution.in_(own), sa.not_(is_mine)).limit(1)
    alone = sa.select(EXECUTIONS.id).where(EXECUTIONS.id.in_(own), EXECUTIONS.ceiling == 1).limit(1)
    if connection.execute(other).first() is None and connection.execute(alone).first() is None:
        return ()
    arrived = EXECUTIONS.arrived.label("arrived")
    query = sa.select(lock_tickets, arrived).join(executions, EXECUTIONS.id == TICKETS.execution)
    rows = connection.execute(query.where(*_count(connection))).all()
    tickets = [
        Ticket(row.name, row.execution, row.path, row.region, row.number, row.held, row.arrived)
        for row in rows
    ]
    mine = (name, holder.execution, holder.path)
    asking = next((one for one in tickets if (one.name, one.execution, one.path) == mine), None)
    if asking is None:  # it ran out while it was asked
        return ()
    tickets += _read_pipelines(connection)
    origins = _read_origins(connection, {one.execution for one in tickets})
    return tuple(find_circle(asking, tickets, origins))


def _read_pipelines(connection: Connection) -> list[Ticket]:
    """Return the lines of the pipelines that take one execution at a time: first who is in, then who waits, in their order."""
    query = executions.select().where(EXECUTIONS.ended_at.is_(None), EXECUTIONS.ceiling == 1)
    rows = sorted(
        connection.execute(query), key=lambda row: (row.admitted is None, row.admitted or row.arrived)
    )
    return [
        Ticket(f"concurrency of {row.pipeline}", row.id, "", "", at, row.admitted is not None, row.arrived)
        for at, row in enumerate(rows)
    ]


def _read_origins(connection: Connection, of: Collection[str]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    left = set(of)
    while left:
        query = sa.select(EXECUTIONS.id, EXECUTIONS.options).where(EXECUTIONS.id.in_(sorted(left)))
        options = {row.id: json.loads(row.options) for row in connection.execute(query)}
        begun = {
            id_: (str(one["parent"]), str(one["path"])) for id_, one in options.items() if "parent" in one
        }
        found |= begun
        left = {parent for parent, _ in begun.values()} - found.keys()
    return found


def _count(connection: Connection) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        TICKETS.expires_at >= read_clock(connection),
        TICKETS.lost.is_(False),
        TICKETS.execution.not_in(ENDED),
    )
