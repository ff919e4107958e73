"""Pins on SQL: what was approved of a tool's description, and what its server said last."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import pins
from bridle.core.canonical import canonical
from bridle.gate.external import Described, Pin
from bridle.operating.tools import ApproveTool, Pins, SeeTool

ALL = pins.select().order_by(pins.c.tool)


class SqlPins(Rows, Pins):
    """Implements `operating.tools.Pins`."""

    async def all(self) -> list[Pin]:
        rows = await self._database.look(lambda connection: connection.execute(ALL).all())
        return [_read(row) for row in rows]


@apply_guard.register
def _(guard: SeeTool, connection: Connection) -> None:
    seen = None if guard.seen is None else _text(guard.seen)
    known = connection.execute(sa.select(pins.c.tool).where(pins.c.tool == guard.tool)).first()
    if known is None and seen is not None:
        change_one(guard, connection, pins.insert().values(tool=guard.tool, pinned=seen, seen=seen))
    else:
        change_one(guard, connection, pins.update().where(pins.c.tool == guard.tool).values(seen=seen))


@apply_guard.register
def _(guard: ApproveTool, connection: Connection) -> None:
    text = _text(guard.seen)
    mine = pins.c.tool == guard.tool, pins.c.seen == text
    change_one(guard, connection, pins.update().where(*mine).values(pinned=text))


def _text(described: Described) -> str:
    return canonical(described.to_json()).decode()


def _read(row: sa.Row[tuple[str, str, str | None]]) -> Pin:
    pinned = Described.from_json(json.loads(row.pinned))
    seen = Described.from_json(json.loads(row.seen)) if row.seen is not None else None
    return Pin(row.tool, pinned, seen)
