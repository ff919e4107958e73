"""What retention may remove, on SQL."""

from __future__ import annotations

import asyncio
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard
from bridle.adapters.sql.schema import approvals, executions, journal, working_keys, working_values
from bridle.adapters.sql.working import WorkingStore
from bridle.core.clock import iso
from bridle.engine.retention import DestroyValues, History
from bridle.operating.erasure import EraseTraces, Traces
from bridle.trust.journal import Kind

REMOVED = sa.exists().where(
    journal.c.execution == executions.c.id,
    journal.c.subject == executions.c.id,
    journal.c.kind.in_([str(Kind.HISTORY_REMOVED), str(Kind.VALUES_ERASED)]),
)


class SqlHistory(History, Traces):
    """Implements `engine.retention.History` and `operating.erasure.Traces`."""

    def __init__(self, database: Database, working: WorkingStore) -> None:
        self._database = database
        self._working = working

    async def mentioning(self, text: str) -> list[str]:
        """Every value is opened and looked at: a text cannot be found in what is sealed."""

        def find(connection: Connection) -> list[str]:
            inputs = sa.select(executions.c.id).where(executions.c.inputs.contains(text, autoescape=True))
            found = {row.id for row in connection.execute(inputs)}
            found.update(
                stream for stream, value in self._working.open_all(connection) if text.encode() in value
            )
            return sorted(found)

        return await self._database.read(find)

    async def removable(self, *, ended_before: datetime, after: str, limit: int) -> list[str]:
        query = (
            sa.select(executions.c.id)
            .where(executions.c.ended_at < iso(ended_before), executions.c.id > after, ~REMOVED)
            .order_by(executions.c.id)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [row.id for row in rows]

    async def scrub(self) -> None:
        """The write-ahead log of SQLite holds what the pages held before; PostgreSQL cleans up by its own vacuum."""

        def cut() -> None:
            with self._database.engine.connect() as connection:
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

        await asyncio.to_thread(cut)


@apply_guard.register
def _(guard: DestroyValues, connection: Connection) -> None:
    """A process that has used the key keeps it in memory until it ends; without the values it opens nothing."""
    for table in (working_values, working_keys):
        connection.execute(table.delete().where(table.c.execution == guard.execution))


@apply_guard.register
def _(guard: EraseTraces, connection: Connection) -> None:
    """First of the erasure's guards: from here on SQLite overwrites what this connection deletes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON").all()
    connection.execute(executions.update().where(executions.c.id == guard.stream).values(inputs="{}"))
    connection.execute(
        approvals.update().where(approvals.c.execution == guard.stream).values(shown="{}", message="")
    )
