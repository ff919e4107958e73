"""Leases: which processes are alive, by the database's clock, so that clocks of several hosts do not matter.

Rules
  1. A process is alive while its lease is young enough, nobody has taken it, and it is not known to be gone.
  2. Who carries on another's work takes its lease first. A lease that was taken or is missing is lost for good: it cannot be
     renewed, and the journal refuses what its process would still write. So a process that slept through its lease
     cannot write beside the one that took over.
  3. Taking waits for a write that is under way, and every later write sees it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.process import Process, is_gone, this_process
from bridle.adapters.sql.rows import Rows, read_id
from bridle.adapters.sql.schema import workers
from bridle.core.errors import UnavailableError

CLOCKS = {
    "sqlite": sa.text("(julianday('now') - 2440587.5) * 86400.0"),
    "postgresql": sa.text("extract(epoch from clock_timestamp())"),
}

TAKEN = Prepared(
    sa.select(workers.c.taken).where(workers.c.id == sa.bindparam("worker")).with_for_update(read=True)
)


class LeaseLost(UnavailableError):
    """This process was silent for too long, and another has taken over what it was carrying."""

    default_reason = "lease-lost"


class Leases(Rows):
    """Beats of the processes that carry executions."""

    async def enter(self, worker: str) -> None:
        """Write the lease of this process under a name that was never used before."""
        await self._database.write(lambda connection: _enter(connection, worker))

    async def beat(self, worker: str) -> None:
        """Say that `worker` is alive; raise LeaseLost when its lease was taken meanwhile."""
        await self._database.write(lambda connection: _beat(connection, worker))

    async def live(self, *, within_s: float) -> set[str]:
        """Return who is alive: has beaten within the last `within_s` seconds and is not known to be gone."""
        return await self._database.read(lambda connection: live_workers(connection, within_s))

    async def known(self) -> set[str]:
        """Return everybody who has a lease, alive or not."""
        query = sa.select(workers.c.id)
        return set(await self._list(query, read_id))

    async def take(self, names: Collection[str], *, within_s: float) -> set[str]:
        """Take the leases of those among `names` who are not alive, and return them."""
        return await self._database.write(lambda connection: _take(connection, names, within_s))

    async def forget_dead(self, *, within_s: float, but: Collection[str]) -> None:
        """Remove the leases of those who are not alive, except what `but` names.

        Who is known is read first: one that enters after that is none of this look's business.
        """
        known = await self.known()
        for dead in known - await self.live(within_s=within_s) - set(but):
            await self.forget(dead)

    async def forget(self, worker: str) -> None:
        """Remove a lease."""
        await self._database.write(
            lambda connection: connection.execute(workers.delete().where(workers.c.id == worker))
        )


def check_lease(connection: Connection, worker: str) -> None:
    """Raise LeaseLost unless the lease of `worker` stands; it cannot be taken before this transaction has ended."""
    lease = TAKEN.row(connection, {"worker": worker})
    if lease is None or lease.taken is not False:
        raise _lost()


def _lost() -> LeaseLost:
    return LeaseLost(
        "another process has taken over what this one was carrying",
        hint="bridle resume follows it, or carries it on when nobody does",
    )


def read_clock(connection: Connection) -> float:
    """Return the database's time, in seconds since 1970."""
    return float(connection.execute(sa.select(CLOCKS[connection.dialect.name])).scalar_one())


def _enter(connection: Connection, worker: str) -> None:
    process = this_process()
    connection.execute(
        workers.insert().values(
            id=worker,
            beat_at=read_clock(connection),
            taken=False,
            machine=process.machine,
            pid=process.pid,
            started=process.started,
        )
    )


def _beat(connection: Connection, worker: str) -> None:
    mine = workers.c.id == worker, workers.c.taken.is_(False)
    if connection.execute(workers.update().where(*mine).values(beat_at=read_clock(connection))).rowcount != 1:
        raise _lost()


def live_workers(connection: Connection, within_s: float) -> set[str]:
    """Return who is alive, inside somebody else's transaction."""
    young = workers.c.beat_at >= read_clock(connection) - within_s
    rows = connection.execute(workers.select().where(young, workers.c.taken.is_(False)))
    return {row.id for row in rows if not is_gone(_process(row))}


def _take(connection: Connection, names: Collection[str], within_s: float) -> set[str]:
    connection.execute(sa.select(workers.c.id).where(workers.c.id.in_(names)).with_for_update())
    dead = set(names) - live_workers(connection, within_s)
    connection.execute(workers.update().where(workers.c.id.in_(dead)).values(taken=True))
    return dead


def _process(row: Row[Any]) -> Process:
    return Process(row.machine, row.pid, row.started)
