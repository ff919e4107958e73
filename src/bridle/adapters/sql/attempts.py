"""Attempts on SQL: one row for each piece of business that is under way, unknown, or done for good."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.rows import Rows, reads, to_columns
from bridle.adapters.sql.schema import attempts
from bridle.core.clock import from_iso
from bridle.gate.attempts import (
    AllowAgain,
    Attempt,
    Attempts,
    AttemptState,
    AttemptTaken,
    BeginAttempt,
    EndAttempt,
)

COLUMNS = attempts.c
_read = reads(Attempt, state=AttemptState, at=from_iso)


class SqlAttempts(Rows, Attempts):
    """Implements `gate.attempts.Attempts`."""

    async def of(self, business: str) -> Attempt | None:
        return await self._database.read(lambda connection: _find(connection, business))

    async def begun(self) -> list[Attempt]:
        query = attempts.select().where(COLUMNS.state == str(AttemptState.BEGUN)).order_by(COLUMNS.at)
        return await self._list(query, _read)


@apply_guard.register
def _(guard: BeginAttempt, connection: Connection) -> None:
    attempt = guard.attempt
    known = _find(connection, attempt.business)
    if known is not None and known.blocks(attempt.call):
        raise AttemptTaken(f"the same is {known.state} as {known.key}")
    connection.execute(attempts.delete().where(COLUMNS.business == attempt.business))
    change_one(guard, connection, attempts.insert().values(to_columns(attempt)))


@apply_guard.register
def _(guard: EndAttempt, connection: Connection) -> None:
    mine = COLUMNS.key == guard.key
    if guard.status == "unknown":
        connection.execute(attempts.update().where(mine).values(state=str(AttemptState.UNKNOWN)))
        return
    if guard.status == "succeeded":
        connection.execute(attempts.update().where(mine, COLUMNS.once).values(state=str(AttemptState.DONE)))
        mine = sa.and_(mine, ~COLUMNS.once)
    connection.execute(attempts.delete().where(mine))


@apply_guard.register
def _(guard: AllowAgain, connection: Connection) -> None:
    unknown = COLUMNS.key == guard.key, COLUMNS.state == str(AttemptState.UNKNOWN)
    change_one(guard, connection, attempts.update().where(*unknown).values(state=str(AttemptState.AGAIN)))


def _find(connection: Connection, business: str) -> Attempt | None:
    row = connection.execute(attempts.select().where(COLUMNS.business == business)).one_or_none()
    return _read(row) if row else None
