"""Cases on SQL: one row for each, as its newest record has it. The journal's head is locked while a guard looks at it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.approvals import void_approvals
from bridle.adapters.sql.guards import apply_guard
from bridle.adapters.sql.prepared import COUNTED
from bridle.adapters.sql.rows import Rows, read_id
from bridle.adapters.sql.schema import cases
from bridle.core.clock import iso
from bridle.gate.inside import CaseMoved, CaseStands
from bridle.operating.cases.case import Case, Cases, ChangeCase, OpenCase


class SqlCases(Rows, Cases):
    """Implements `operating.cases.case.Cases`."""

    async def find(
        self, *, type: str = "", object: str = "", parked: bool = False, open_only: bool = True
    ) -> list[str]:
        query = sa.select(cases.c.id).order_by(cases.c.opened_at, cases.c.id)
        if type:
            query = query.where(cases.c.type == type)
        if object:
            query = query.where(cases.c.object == object)
        if parked:
            query = query.where(cases.c.parked)
        if open_only:
            query = query.where(~cases.c.final)
        return await self._ids(query)

    async def due(self, now: datetime, *, untold: bool = False) -> list[str]:
        over = ~cases.c.final, cases.c.due_at != "", cases.c.due_at <= iso(now)
        query = sa.select(cases.c.id).where(*over).order_by(cases.c.due_at, cases.c.id)
        return await self._ids(query.where(~cases.c.escalated) if untold else query)

    async def _ids(self, query: sa.Select[tuple[str]]) -> list[str]:
        return await self._list(query, read_id)


@apply_guard.register
def _(guard: OpenCase, connection: Connection) -> None:
    case = guard.case
    taken = sa.select(cases.c.id).where(
        (cases.c.id == case.id)
        | ((cases.c.type == case.type) & (cases.c.object == case.object) & ~cases.c.final)
    )
    found = connection.execute(taken).first()
    if found is not None:
        raise CaseMoved(f"{found.id} is open for this object already")
    connection.execute(cases.insert().values(id=case.id, opened_at=case.opened_at, **_row(case)))


@apply_guard.register
def _(guard: ChangeCase, connection: Connection) -> None:
    mine = cases.c.id == guard.case.id, cases.c.revision == guard.before
    statement = cases.update().where(*mine).values(_row(guard.case))
    if connection.execute(statement, execution_options=COUNTED).rowcount != 1:
        raise _moved(guard.case.id)
    if guard.case.revision != guard.before:
        void_approvals(connection, guard.case.id)


@apply_guard.register
def _(guard: CaseStands, connection: Connection) -> None:
    query = sa.select(cases.c.revision).where(cases.c.id == guard.case)
    if connection.execute(query).scalar_one_or_none() != guard.revision:
        raise _moved(guard.case)


def _moved(case: str) -> CaseMoved:
    return CaseMoved(f"{case} has moved on since this was decided")


def _row(case: Case) -> dict[str, object]:
    return {
        "type": case.type,
        "object": case.object,
        "state": case.state,
        "revision": case.revision,
        "final": case.final,
        "parked": case.parked,
        "due_at": case.due_at,
        "escalated": case.escalated,
    }
