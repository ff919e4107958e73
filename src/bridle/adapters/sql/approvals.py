"""Approvals on SQL. Each change names the state it expects, so that two uses, or two verdicts of one person, cannot both count.

A verdict is counted here, in the transaction that records it: two people who approve at the same instant are two, because the
second of them finds the first one's word in the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.guards import apply_guard, change_one, refuse
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows, read_tuple, reads, to_columns
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
    RevokeVerdict,
    UseApproval,
    VoidApproval,
)
from bridle.trust.journal import Guard
from bridle.trust.quorum import Terms, shares_person

BY_ID = Prepared(approvals.select().where(approvals.c.id == sa.bindparam("approval")))
NEWEST = Prepared(
    approvals.select()
    .where(approvals.c.action == sa.bindparam("of_action"))
    .order_by(approvals.c.requested_at.desc(), approvals.c.id.desc())
    .limit(1)
)
NOT_KEPT = ("inputs",)  # what the last approver filled in is in the record of the verdict
UNANSWERED = {"state": str(ApprovalState.OPEN), "by": "", "asserted": False, "comment": "", "given": "[]"}


def _read_terms(text: str) -> Terms:
    return Terms.from_json(json.loads(text))


_approval = reads(
    Approval,
    without=NOT_KEPT,
    rests_on=json.loads,
    shown=json.loads,
    requested_at=from_iso,
    expires_at=from_iso,
    state=ApprovalState,
    terms=_read_terms,
    given=read_tuple,
)


class SqlApprovals(Rows, Approvals):
    """Implements `gate.approvals.Approvals`."""

    async def get(self, approval: str) -> Approval | None:
        return await self._find(BY_ID, {"approval": approval}, _approval)

    async def newest_for(self, action: str) -> Approval | None:
        return await self._find(NEWEST, {"of_action": action}, _approval)

    async def find(self, *, execution: str = "", states: Sequence[ApprovalState] = ()) -> list[Approval]:
        query = approvals.select().order_by(approvals.c.requested_at, approvals.c.id)
        if execution:
            query = query.where(approvals.c.execution == execution)
        if states:
            query = query.where(approvals.c.state.in_([str(state) for state in states]))
        return await self._list(query, _approval)


@apply_guard.register
def _(guard: RequestApproval, connection: Connection) -> None:
    change_one(
        guard,
        connection,
        approvals.insert().values(to_columns(guard.approval, without=NOT_KEPT) | UNANSWERED),
    )


@apply_guard.register
def _(guard: GiveVerdict, connection: Connection) -> None:
    row = _find_live(guard, connection, (ApprovalState.OPEN,), guard.approval, iso(guard.now))
    given = json.loads(row.given)
    if any(shares_person(guard.voter, other) for other in given):
        raise refuse(guard, f"has the word of {guard.voter} already")
    state = guard.verdict
    if guard.verdict is ApprovalState.APPROVED:
        given.append(guard.voter)
        enough = guard.automatic or len(given) >= _read_terms(row.terms).minimum
        state = ApprovalState.APPROVED if enough else ApprovalState.OPEN
    said = {"by": guard.by, "asserted": guard.asserted, "comment": guard.comment}
    _change(guard, connection, row, {"state": str(state), "given": canonical(given).decode(), **said})


@apply_guard.register
def _(guard: RevokeVerdict, connection: Connection) -> None:
    live = (ApprovalState.OPEN, ApprovalState.APPROVED)
    row = _find_live(guard, connection, live, guard.approval, iso(guard.now))
    given = json.loads(row.given)
    if guard.voter not in given:
        raise refuse(guard, f"has no word of {guard.voter}")
    given.remove(guard.voter)
    _change(guard, connection, row, {"state": str(ApprovalState.OPEN), "given": canonical(given).decode()})


def _find_live(
    guard: Guard, connection: Connection, states: Sequence[ApprovalState], approval: str, now: str
) -> Any:
    row = BY_ID.row(connection, {"approval": approval})
    if row is None or row.state not in [str(state) for state in states] or row.expires_at <= now:
        raise refuse(guard)
    return row


def _change(guard: Guard, connection: Connection, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Change the row if it still is as it was read."""
    same = (
        approvals.c.id == row.id,
        approvals.c.state == row.state,
        approvals.c.given == row.given,
    )
    change_one(guard, connection, approvals.update().where(*same).values(**values))


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


@apply_guard.register
def _(guard: VoidApproval, connection: Connection) -> None:
    live = [str(ApprovalState.OPEN), str(ApprovalState.APPROVED)]
    mine = approvals.c.id == guard.approval, approvals.c.state.in_(live)
    void = {"state": str(ApprovalState.VOID), "comment": guard.why}
    connection.execute(approvals.update().where(*mine).values(void))


def void_approvals(connection: Connection, case: str) -> None:
    """Let every request that rests on a case, answered or not, answer nothing any more: the case has changed."""
    live = [str(ApprovalState.OPEN), str(ApprovalState.APPROVED)]
    named = f'"case":"{case} '  # as canonical JSON spells it; a quote within a value is escaped there
    rests = approvals.c.rests_on.contains(named, autoescape=True)
    void = {"state": str(ApprovalState.VOID), "comment": "its case has changed"}
    connection.execute(approvals.update().where(approvals.c.state.in_(live), rests).values(void))
