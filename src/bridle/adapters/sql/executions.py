"""Executions on SQL, and the beats of the processes that carry them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.schema import executions
from bridle.core.canonical import canonical
from bridle.core.clock import from_iso, iso
from bridle.core.states import State
from bridle.engine.execution import Execution, Executions, MoveExecution, StartExecution

BY_ID = executions.select().where(executions.c.id == sa.bindparam("execution"))
LIVE = [str(state) for state in State if not state.ended]


class SqlExecutions(Executions):
    """Implements `engine.execution.Executions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, execution: str) -> Execution | None:
        row = await self._database.find(BY_ID, {"execution": execution})
        return None if row is None else _execution(row)

    async def find(self, *, states: Sequence[State] = (), limit: int = 100) -> list[Execution]:
        query = (
            executions.select().order_by(executions.c.started_at.desc(), executions.c.id.desc()).limit(limit)
        )
        if states:
            query = query.where(executions.c.state.in_([str(state) for state in states]))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_execution(row) for row in rows]


@apply_guard.register
def _(guard: StartExecution, connection: Connection) -> None:
    execution = guard.execution
    change_one(
        guard,
        connection,
        executions.insert().values(
            id=execution.id,
            pipeline=execution.pipeline,
            plan=canonical(execution.plan).decode(),
            plan_digest=execution.plan_digest,
            inputs=canonical(execution.inputs).decode(),
            options=canonical(execution.options).decode(),
            initiator=execution.initiator,
            state=str(execution.state),
            note=execution.note,
            started_at=iso(execution.started_at),
            ended_at=None,
        ),
    )


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


def _execution(row: Row[Any]) -> Execution:
    return Execution(
        id=row.id,
        pipeline=row.pipeline,
        plan=json.loads(row.plan),
        plan_digest=row.plan_digest,
        inputs=json.loads(row.inputs),
        options=json.loads(row.options),
        initiator=row.initiator,
        state=State(row.state),
        note=row.note,
        started_at=from_iso(row.started_at),
        ended_at=from_iso(row.ended_at) if row.ended_at else None,
    )
