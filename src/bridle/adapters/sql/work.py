"""Items of work on SQL: which are open. What each is about is in its records."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows, reads, to_columns
from bridle.adapters.sql.schema import work
from bridle.core.clock import from_iso
from bridle.trust.work_items import ParkWork, SettleWork, Work, WorkItem

COLUMNS = work.c
_read = reads(WorkItem, at=from_iso)
GET = Prepared(work.select().where(COLUMNS.id == sa.bindparam("item")))


class SqlWork(Rows, Work):
    """Implements `trust.work_items.Work`."""

    async def get(self, item: str) -> WorkItem | None:
        return await self._find(GET, {"item": item}, _read)

    async def find(self, *, settled: bool = False) -> list[WorkItem]:
        query = work.select().order_by(COLUMNS.at, COLUMNS.id)
        query = query if settled else query.where(COLUMNS.open)
        return await self._list(query, _read)


@apply_guard.register
def _(guard: ParkWork, connection: Connection) -> None:
    change_one(guard, connection, work.insert().values(to_columns(guard.item)))


@apply_guard.register
def _(guard: SettleWork, connection: Connection) -> None:
    still = COLUMNS.id == guard.item, COLUMNS.open
    change_one(guard, connection, work.update().where(*still).values(open=False))
