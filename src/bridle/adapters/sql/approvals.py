"""Approvals on SQL. Each change names the state it expects, so that two verdicts or two uses cannot both count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.schema import approvals
from bridle.core.canonical import canonical
from bridle.core.clock import from_iso, iso
from bridle.gate.approvals import (
    Approval,
    Approvals,
    ApprovalState,
    CloseApproval,
    GiveVerdict,
    RequestApproval,
    UseApproval,
)

BY_ID = approvals.select().where(approvals.c.id == sa.bindparam("approval"))
NEWEST = (
    approvals.select()
    .where(approvals.c.action == sa.bindparam("of_action"))
    .order_by(approvals.c.requested_at.desc(), approvals.c.id.desc())
    .limit(1)
)


class SqlApprovals(Approvals):
    """Implements `gate.approvals.Approvals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, approval: str) -> Approval | None:
        row = await self._database.find(BY_ID, {"approval": approval})
        return None if row is None else _approval(row)

    async def newest_for(self, action: str) -> Approval | None:
        row = await self._database.find(NEWEST, {"of_action": action})
        return None if row is None else _approval(row)

    async def find(self, *, execution: str = "", states: Sequence[ApprovalState] = ()) -> list[Approval]:
        query = approvals.select().order_by(approvals.c.requested_at, approvals.c.id)
        if execution:
            query = query.where(approvals.c.execution == execution)
        if states:
            query = query.where(approvals.c.state.in_([str(state) for state in states]))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_approval(row) for row in rows]


@apply_guard.register
def _(guard: RequestApproval, connection: Connection) -> None:
    approval = guard.approval
    change_one(
        guard,
        connection,
        approvals.insert().values(
            id=approval.id,
            execution=approval.execution,
            topic=approval.topic,
            key=approval.key,
            action=approval.action,
            tool=approval.tool,
            message=approval.message,
            rests_on=canonical(approval.rests_on).decode(),
            shown=canonical(approval.shown).decode(),
            requested_at=iso(approval.requested_at),
            expires_at=iso(approval.expires_at),
            state=str(ApprovalState.OPEN),
            by="",
            asserted=False,
            comment="",
        ),
    )


@apply_guard.register
def _(guard: GiveVerdict, connection: Connection) -> None:
    change_one(
        guard,
        connection,
        approvals.update()
        .where(approvals.c.id == guard.approval, approvals.c.state == str(ApprovalState.OPEN))
        .where(approvals.c.expires_at > iso(guard.now))
        .values(state=str(guard.verdict), by=guard.by, asserted=guard.asserted, comment=guard.comment),
    )


@apply_guard.register
def _(guard: UseApproval, connection: Connection) -> None:
    change_one(
        guard,
        connection,
        approvals.update()
        .where(approvals.c.id == guard.approval, approvals.c.action == guard.action)
        .where(approvals.c.state == str(ApprovalState.APPROVED), approvals.c.expires_at > iso(guard.now))
        .values(state=str(ApprovalState.USED)),
    )


@apply_guard.register
def _(guard: CloseApproval, connection: Connection) -> None:
    live = [str(ApprovalState.OPEN), str(ApprovalState.APPROVED)]
    change_one(
        guard,
        connection,
        approvals.update()
        .where(approvals.c.id == guard.approval, approvals.c.state.in_(live))
        .values(state=str(ApprovalState.EXPIRED)),
    )


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        id=row.id,
        execution=row.execution,
        topic=row.topic,
        key=row.key,
        action=row.action,
        tool=row.tool,
        message=row.message,
        rests_on=json.loads(row.rests_on),
        shown=json.loads(row.shown),
        requested_at=from_iso(row.requested_at),
        expires_at=from_iso(row.expires_at),
        state=ApprovalState(row.state),
        by=row.by,
        asserted=row.asserted,
        comment=row.comment,
    )
