"""The line of executions on SQL. The rules are those of `engine.admission`; here they are queries.

A row whose `admitted` is null stands in line; otherwise that is the number of its turn, so that it also says whose turn is
longest ago. `arrived` is the number of its coming. Both are drawn under the journal's lock.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.guards import apply_guard, change_one, refuse
from bridle.adapters.sql.kills import killed_pipelines
from bridle.adapters.sql.leases import live_workers
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import executions, workers
from bridle.core.states import State
from bridle.engine.admission import AdmitExecution, Limits, Line, StandInLine, Turn
from bridle.engine.interrupts import Wish

COLUMNS = executions.c
QUEUED = sa.and_(COLUMNS.admitted.is_(None), COLUMNS.ended_at.is_(None), COLUMNS.wish != str(Wish.PAUSE))
HAS_WISH = sa.text(
    "executions.wish <> ''"
)  # written out, because an index over part of the rows is not used for a parameter
ADMITTED = sa.and_(COLUMNS.admitted.is_not(None), COLUMNS.ended_at.is_(None))
NEXT_TURN = sa.select(sa.func.coalesce(sa.func.max(COLUMNS.admitted), 0) + 1)
RUNNING = sa.select(sa.func.count()).where(ADMITTED, COLUMNS.state == str(State.RUNNING))


class SqlLine(Rows, Line):
    """Implements `engine.admission.Line`."""

    async def next(self, limits: Limits) -> Turn | None:
        return await self._database.read(lambda connection: _turn(connection, limits))

    async def left_behind(self, limits: Limits) -> list[str]:
        def work(connection: Connection) -> list[str]:
            alive = live_workers(connection, limits.within_s)
            query = sa.select(COLUMNS.id).where(
                ADMITTED, COLUMNS.waiter != "", COLUMNS.waiter.not_in(sorted(alive))
            )
            return [row.id for row in connection.execute(query)]

        return await self._database.read(work)

    async def is_served(self, limits: Limits) -> bool:
        return await self._database.read(lambda connection: _is_served(connection, limits))

    async def serve(self, worker: str, *, serves: bool) -> None:
        statement = workers.update().where(workers.c.id == worker).values(serves=serves)
        await self._database.write(lambda connection: connection.execute(statement))


@apply_guard.register
def _(guard: AdmitExecution, connection: Connection) -> None:
    turn = _turn(connection, guard.limits)
    if turn is None or turn.execution != guard.execution:
        raise refuse(guard, "has not come")
    values = {"admitted": connection.execute(NEXT_TURN).scalar_one(), "waiter": guard.by}
    this = executions.update().where(COLUMNS.id == guard.execution, COLUMNS.admitted.is_(None))
    change_one(guard, connection, this.values(state=str(State.RUNNING), note="", **values))


@apply_guard.register
def _(guard: StandInLine, connection: Connection) -> None:
    this = executions.update().where(COLUMNS.id == guard.execution, COLUMNS.ended_at.is_(None))
    change_one(guard, connection, this.values(waiter=guard.by))


def count_ahead(connection: Connection, row: Row[Any]) -> int:
    """Return how many executions of the same pipeline stand in line before this one."""
    query = sa.select(sa.func.count()).where(
        QUEUED, COLUMNS.pipeline == row.pipeline, COLUMNS.arrived < row.arrived
    )
    return int(connection.execute(query).scalar_one())


def _turn(connection: Connection, limits: Limits) -> Turn | None:
    alive = live_workers(connection, limits.within_s)
    eligible = QUEUED
    if not _is_served(connection, limits):
        eligible = sa.and_(QUEUED, COLUMNS.waiter.in_(sorted(alive)))
    everything, stopped = killed_pipelines(connection)
    if everything or stopped:
        not_stopped = sa.and_(eligible, sa.false() if everything else COLUMNS.pipeline.not_in(stopped))
        found = _first_cancelled(connection, eligible) or _first_free(connection, not_stopped, limits, alive)
        return found and Turn(found.id, found.waiter if found.waiter in alive else "")
    found = _first_cancelled(connection, eligible) or _first_free(connection, eligible, limits, alive)
    if found is None:
        return None
    return Turn(found.id, found.waiter if found.waiter in alive else "")


def _is_served(connection: Connection, limits: Limits) -> bool:
    query = sa.select(workers.c.id).where(workers.c.serves.is_(True))
    serving = {row.id for row in connection.execute(query)}
    return bool(serving) and bool(serving & live_workers(connection, limits.within_s))


def _first_cancelled(connection: Connection, eligible: sa.ColumnElement[bool]) -> Row[Any] | None:
    """What only has to end passes everybody."""
    wished = executions.select().where(HAS_WISH, eligible, COLUMNS.wish == str(Wish.CANCEL))
    return min(connection.execute(wished), key=lambda row: row.arrived, default=None)


def _first_free(
    connection: Connection, eligible: sa.ColumnElement[bool], limits: Limits, alive: set[str]
) -> Row[Any] | None:
    """Return the first of the pipeline whose last turn is longest ago, among those with a free place."""
    first = sa.select(sa.func.min(COLUMNS.arrived)).where(eligible).group_by(COLUMNS.pipeline)
    heads = connection.execute(executions.select().where(COLUMNS.arrived.in_(first))).all()
    if not heads or _is_full(connection, limits, alive):
        return None
    names = [head.pipeline for head in heads]
    turns = _by_pipeline(connection, sa.func.max(COLUMNS.admitted), COLUMNS.pipeline.in_(names))
    taken = _by_pipeline(connection, sa.func.count(), sa.and_(ADMITTED, COLUMNS.pipeline.in_(names)))
    for head in sorted(heads, key=lambda head: (turns.get(head.pipeline) or 0, head.arrived)):
        if head.ceiling is None or taken.get(head.pipeline, 0) < head.ceiling:
            return head
    return None


def _is_full(connection: Connection, limits: Limits, alive: set[str]) -> bool:
    """What runs nowhere, because its process died, takes none of the account's room."""
    if limits.account is None:
        return False
    running = connection.execute(RUNNING.where(COLUMNS.waiter.in_(sorted(alive)))).scalar_one()
    return bool(running >= limits.account)


def _by_pipeline(
    connection: Connection, value: sa.ColumnElement[Any], where: sa.ColumnElement[bool]
) -> dict[str, int]:
    query = sa.select(COLUMNS.pipeline, value.label("value")).where(where).group_by(COLUMNS.pipeline)
    return {row.pipeline: row.value for row in connection.execute(query)}
