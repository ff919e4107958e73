"""Sessions on SQL."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.kills import refuse_killed
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import reads, to_columns
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


class SqlSessions(Sessions):
    """Implements `operating.session.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, session: str) -> Session | None:
        row = await self._database.find(BY_ID, {"session": session})
        return None if row is None else _read(row)

    async def of_case(self, case: str) -> list[str]:
        query = sa.select(sessions.c.id).where(sessions.c.case == case)
        query = query.order_by(sessions.c.opened_at, sessions.c.id)
        return [
            row.id for row in await self._database.read(lambda connection: connection.execute(query).all())
        ]

    async def find(self, *, state: SessionState | None = None) -> list[Session]:
        query = sessions.select().order_by(sessions.c.opened_at, sessions.c.id)
        if state is not None:
            query = query.where(sessions.c.state == str(state))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_read(row) for row in rows]


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
