"""Sessions on SQL."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.kills import refuse_killed
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows, read_id, reads, to_columns
from bridle.adapters.sql.schema import journal, sessions
from bridle.core.clock import from_iso
from bridle.gate.history import HistoryMoved, HistoryStands
from bridle.operating.session import (
    CloseSession,
    OpenSession,
    Session,
    Sessions,
    SessionState,
    TakeSession,
)
from bridle.trust.journal import Kind

BY_ID = Prepared(sessions.select().where(sessions.c.id == sa.bindparam("session")))
_read = reads(Session, opened_at=from_iso, expires_at=from_iso, state=SessionState)


class SqlSessions(Rows, Sessions):
    """Implements `operating.session.Sessions`."""

    async def get(self, session: str) -> Session | None:
        return await self._find(BY_ID, {"session": session}, _read)

    async def of_case(self, case: str) -> list[str]:
        query = sa.select(sessions.c.id).where(sessions.c.case == case)
        query = query.order_by(sessions.c.opened_at, sessions.c.id)
        return await self._list(query, read_id)

    async def find(self, *, state: SessionState | None = None) -> list[Session]:
        query = sessions.select().order_by(sessions.c.opened_at, sessions.c.id)
        if state is not None:
            query = query.where(sessions.c.state == str(state))
        return await self._list(query, _read)


@apply_guard.register
def _(guard: OpenSession, connection: Connection) -> None:
    session = guard.session
    refuse_killed(connection, actors={session.agent})
    change_one(guard, connection, sessions.insert().values(to_columns(session)))


@apply_guard.register
def _(guard: CloseSession, connection: Connection) -> None:
    mine = sessions.c.id == guard.session, sessions.c.state == str(SessionState.OPEN)
    change_one(guard, connection, sessions.update().where(*mine).values(state=str(SessionState.CLOSED)))


@apply_guard.register
def _(guard: TakeSession, connection: Connection) -> None:
    mine = sessions.c.id == guard.session, sessions.c.holder == guard.before
    change_one(guard, connection, sessions.update().where(*mine).values(holder=guard.process))


@apply_guard.register
def _(guard: HistoryStands, connection: Connection) -> None:
    mine = [guard.session]
    if guard.case:
        rows = connection.execute(sa.select(sessions.c.id).where(sessions.c.case == guard.case))
        mine += [row.id for row in rows]
    since = journal.c.seq > guard.as_of, journal.c.kind == str(Kind.INTENDED)
    begun = sa.select(journal.c.subject).where(journal.c.execution.in_(mine), *since).limit(1)
    found = connection.execute(begun).scalar_one_or_none()
    if found is not None:
        raise HistoryMoved(f"{found} was begun since this was decided")
