"""Executions on SQL, and the beats of the processes that carry them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.admission import HAS_WISH, NEXT_TURN, count_ahead
from bridle.adapters.sql.guards import apply_guard, change_one, refuse
from bridle.adapters.sql.kills import refuse_killed
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows, read_id, reads, to_columns
from bridle.adapters.sql.schema import executions, journal
from bridle.core.canonical import canonical
from bridle.core.clock import from_iso, iso
from bridle.core.states import State
from bridle.engine.execution import Execution, Executions, MoveExecution, StartExecution
from bridle.engine.interrupts import PauseExecution, Wish, WishExecution
from bridle.engine.interventions import SAID, CloseIntervention
from bridle.trust.journal import Kind

BY_ID = Prepared(executions.select().where(executions.c.id == sa.bindparam("execution")))
WISH = Prepared(sa.select(executions.c.wish).where(executions.c.id == sa.bindparam("execution")))
NEXT_ARRIVAL = sa.select(sa.func.coalesce(sa.func.max(executions.c.arrived), 0) + 1).scalar_subquery()
NEXT_NUMBER = sa.select(sa.func.coalesce(sa.func.max(executions.c.number), 0) + 1)
_execution = reads(
    Execution,
    plan=json.loads,
    inputs=json.loads,
    options=json.loads,
    state=State,
    started_at=from_iso,
    ended_at=from_iso,
)
LIVE = [str(state) for state in State if not state.ended]
IS_PAUSED = executions.c.state == str(State.PAUSED)
GOES_ON = {
    "state": sa.case((IS_PAUSED, str(State.RUNNING)), else_=executions.c.state),
    "note": sa.case((IS_PAUSED, ""), else_=executions.c.note),
}


class SqlExecutions(Rows, Executions):
    """Implements `engine.execution.Executions`."""

    async def get(self, execution: str) -> Execution | None:
        row = await self._database.find(BY_ID, {"execution": execution})
        if row is None or not _is_queued(row):
            return None if row is None else _execution(row)
        return await self._database.read(lambda connection: _read(connection, row))

    async def find(self, *, states: Sequence[State] = (), limit: int = 100) -> list[Execution]:
        query = (
            executions.select().order_by(executions.c.started_at.desc(), executions.c.id.desc()).limit(limit)
        )
        if states:
            query = query.where(executions.c.state.in_([str(state) for state in states]))
        return await self._database.read(
            lambda connection: [_read(connection, row) for row in connection.execute(query).all()]
        )

    async def wish(self, execution: str) -> str:
        row = await self._database.find(WISH, {"execution": execution})
        return "" if row is None else str(row.wish)

    async def wished(self, wish: str) -> list[str]:
        query = sa.select(executions.c.id).where(
            HAS_WISH, executions.c.wish == wish, executions.c.state.in_(LIVE)
        )
        return await self._list(query, read_id)

    async def children(self, execution: str) -> list[Execution]:
        link = canonical({"parent": execution}).decode()[
            1:-1
        ]  # as it stands among the options, which are canonical
        query = executions.select().where(
            executions.c.ended_at.is_(None), executions.c.options.contains(link, autoescape=True)
        )
        found = await self._list(query, _execution)
        return [child for child in found if child.options.get("parent") == execution]


@apply_guard.register
def _(guard: StartExecution, connection: Connection) -> None:
    execution = guard.execution
    parent = str(execution.options.get("parent", ""))
    refuse_killed(connection, pipeline=execution.pipeline, parent=parent)
    row = {
        **to_columns(execution),
        "wish": "",
        "ended_at": None,
        "arrived": NEXT_ARRIVAL,
        "admitted": None if execution.state is State.PENDING else NEXT_TURN.scalar_subquery(),
        "waiter": guard.waiter,
        "ceiling": guard.ceiling,
        "number": _next_number(execution).scalar_subquery(),
    }
    change_one(guard, connection, executions.insert().values(row))


def _next_number(execution: Execution) -> sa.Select[tuple[int]]:
    """Executions of a pipeline count from 1; a rollback has the number of what it undoes."""
    if "undoes" in execution.options:
        others = executions.alias()
        return sa.select(others.c.number).where(others.c.id == str(execution.options["undoes"]))
    return NEXT_NUMBER.where(executions.c.pipeline == execution.pipeline)


@apply_guard.register
def _(guard: MoveExecution, connection: Connection) -> None:
    ended_at = iso(guard.now) if guard.state.ended else sa.null()
    change_one(
        guard,
        connection,
        executions.update()
        .where(executions.c.id == guard.execution, executions.c.state.in_(LIVE))
        .values(state=str(guard.state), note=guard.note, ended_at=ended_at),
    )


@apply_guard.register
def _(guard: WishExecution, connection: Connection) -> None:
    change_one(
        guard,
        connection,
        executions.update()
        .where(
            executions.c.id == guard.execution,
            executions.c.state.in_(LIVE),
            executions.c.wish.not_in([str(Wish.CANCEL), str(guard.wish)]),
        )
        .values(wish=str(guard.wish), **(GOES_ON if guard.wish is Wish.NONE else {})),
    )


@apply_guard.register
def _(guard: PauseExecution, connection: Connection) -> None:
    change_one(
        guard,
        connection,
        executions.update()
        .where(executions.c.id == guard.execution, executions.c.state.in_(LIVE))
        .where(executions.c.wish == str(Wish.PAUSE))
        .values(state=str(State.PAUSED), note="paused"),
    )


@apply_guard.register
def _(guard: CloseIntervention, connection: Connection) -> None:
    """Whoever appends holds the journal's head, so what is read here cannot change before the records are written."""
    last = (
        sa.select(journal.c.id, journal.c.kind)
        .where(journal.c.execution == guard.execution, journal.c.subject == guard.path)
        .where(journal.c.kind.in_([str(kind) for kind in SAID]))
        .order_by(journal.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(last).one_or_none()
    if row is None or (row.id, row.kind) != (guard.request, str(Kind.INTERVENTION_REQUESTED)):
        raise refuse(guard, "has been answered")


def _is_queued(row: Row[Any]) -> bool:
    return row.admitted is None and row.ended_at is None


def _read(connection: Connection, row: Row[Any]) -> Execution:
    """Read a row; of one that stands in line, say how long the line before it is now."""
    execution = _execution(row)
    if not _is_queued(row):
        return execution
    return replace(execution, note=f"queued: {count_ahead(connection, row)} ahead")
