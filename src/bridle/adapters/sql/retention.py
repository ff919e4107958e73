"""What retention may remove, on SQL."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard
from bridle.adapters.sql.schema import executions, journal, working_keys, working_values
from bridle.core.clock import iso
from bridle.engine.retention import DestroyValues, History
from bridle.trust.journal import Kind

REMOVED = sa.exists().where(
    journal.c.execution == executions.c.id,
    journal.c.subject == executions.c.id,
    journal.c.kind == str(Kind.HISTORY_REMOVED),
)


class SqlHistory(History):
    """Implements `engine.retention.History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def removable(self, *, ended_before: datetime, after: str, limit: int) -> list[str]:
        query = (
            sa.select(executions.c.id)
            .where(executions.c.ended_at < iso(ended_before), executions.c.id > after, ~REMOVED)
            .order_by(executions.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [row.id for row in rows]


@apply_guard.register
def _(guard: DestroyValues, connection: Connection) -> None:
    """A process that has used the key keeps it in memory until it ends; without the values it opens nothing."""
    for table in (working_values, working_keys):
        connection.execute(table.delete().where(table.c.execution == guard.execution))
