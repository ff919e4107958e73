"""Leases: which processes are alive, by the database's clock, so that clocks of several hosts do not matter."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.schema import workers

CLOCKS = {
    "sqlite": sa.text("(julianday('now') - 2440587.5) * 86400.0"),
    "postgresql": sa.text("extract(epoch from clock_timestamp())"),
}


class Leases:
    """Beats of the processes that carry executions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(self, worker: str) -> None:
        """Say that `worker` is alive."""
        await self._database.write(lambda connection: _beat(connection, worker))

    async def live(self, *, within_s: float) -> set[str]:
        """Return who has beaten within the last `within_s` seconds."""
        return await self._database.read(lambda connection: _live(connection, within_s))

    async def known(self) -> set[str]:
        """Return everybody who has a lease, alive or not."""
        query = sa.select(workers.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.id for row in rows}

    async def forget(self, worker: str) -> None:
        """Remove a lease."""
        await self._database.write(
            lambda connection: connection.execute(workers.delete().where(workers.c.id == worker))
        )


def _now(connection: Connection) -> float:
    return float(connection.execute(sa.select(CLOCKS[connection.dialect.name])).scalar_one())


def _beat(connection: Connection, worker: str) -> None:
    now = _now(connection)
    update = workers.update().where(workers.c.id == worker).values(beat_at=now)
    if connection.execute(update).rowcount == 0:
        connection.execute(workers.insert().values(id=worker, beat_at=now))


def _live(connection: Connection, within_s: float) -> set[str]:
    query = sa.select(workers.c.id).where(workers.c.beat_at >= _now(connection) - within_s)
    return {row.id for row in connection.execute(query)}
