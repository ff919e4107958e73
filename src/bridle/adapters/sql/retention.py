"""What retention may remove, on SQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard
from bridle.adapters.sql.schema import (
    approvals,
    attempts,
    cases,
    executions,
    journal,
    obligations,
    sessions,
    work,
    working_keys,
    working_values,
)
from bridle.adapters.sql.working import WorkingStore
from bridle.core.clock import iso
from bridle.engine.retention import DestroyValues, ForgetShown, History
from bridle.gate.attempts import AttemptState
from bridle.operating.erasure import EraseTraces, Traces
from bridle.trust.journal import Kind

REMOVALS = [str(Kind.HISTORY_REMOVED), str(Kind.VALUES_ERASED)]


class SqlHistory(History, Traces):
    """Implements `engine.retention.History` and `operating.erasure.Traces`."""

    def __init__(self, database: Database, working: WorkingStore) -> None:
        self._database = database
        self._working = working

    async def mentioning(self, text: str) -> list[str]:
        """Every value is opened and looked at: a text cannot be found in what is sealed."""

        def find(connection: Connection) -> list[str]:
            inputs = sa.select(executions.c.id).where(executions.c.inputs.contains(text, autoescape=True))
            found = {row.id for row in connection.execute(inputs)}
            found.update(
                stream for stream, value in self._working.open_all(connection) if text.encode() in value
            )
            return sorted(found)

        return await self._database.read(find)

    async def removable(self, *, ended_before: datetime, after: str, limit: int) -> list[str]:
        before = iso(ended_before)
        ended = sa.union_all(_executions(before, after), _sessions(before, after)).subquery()
        query = sa.select(ended.c.id).order_by(ended.c.id).limit(limit)

        def find(connection: Connection) -> list[str]:
            streams = [row.id for row in connection.execute(query)]
            return sorted([*streams, *islice(_cases(connection, before, after), limit)])[:limit]

        return await self._database.read(find)

    async def is_final(self, case: str) -> bool | None:
        query = sa.select(cases.c.final).where(cases.c.id == case)
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def scrub(self) -> None:
        """The write-ahead log of SQLite holds what the pages held before; PostgreSQL cleans up by its own vacuum."""

        def cut() -> None:
            with self._database.engine.connect() as connection:
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

        await asyncio.to_thread(cut)


def _executions(before: str, after: str) -> sa.Select[tuple[str]]:
    mine = executions.c.ended_at < before, executions.c.id > after
    return sa.select(executions.c.id).where(*mine, *_done_with(executions.c.id))


def _sessions(before: str, after: str) -> sa.Select[tuple[str]]:
    """Sessions whose tokens have ended; those of an open case are part of its history."""
    of_open_case = sa.exists().where(cases.c.id == sessions.c.case, ~cases.c.final)
    mine = sessions.c.expires_at < before, sessions.c.id > after
    return sa.select(sessions.c.id).where(*mine, ~of_open_case, *_done_with(sessions.c.id))


def _cases(connection: Connection, before: str, after: str) -> Iterator[str]:
    """Cases that are final, and of which nothing was recorded since."""
    holds = sa.exists().where(working_keys.c.execution == cases.c.id)  # what was written since it was removed
    removed, settled = _done_with(cases.c.id)
    left = removed | holds, settled
    final = sa.select(cases.c.id).where(cases.c.final, cases.c.id > after, *left)
    for row in connection.execute(final.order_by(cases.c.id)).all():
        mine = sa.select(journal.c.data).where(journal.c.execution == row.id)
        newest = connection.execute(mine.order_by(journal.c.seq.desc()).limit(1)).scalar_one()
        if json.loads(newest)["at"] < before:
            yield row.id


def _done_with(stream: sa.ColumnElement[str]) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Nothing of it was removed yet; and nobody is left to settle anything of it, which may take what was asked for."""
    removed = sa.exists().where(
        journal.c.execution == stream, journal.c.subject == stream, journal.c.kind.in_(REMOVALS)
    )
    unsettled = (
        sa.exists().where(work.c.stream == stream, work.c.open)
        | sa.exists().where(obligations.c.execution == stream)
        | sa.exists().where(attempts.c.execution == stream, attempts.c.state != str(AttemptState.DONE))
    )
    return ~removed, ~unsettled


@apply_guard.register
def _(guard: ForgetShown, connection: Connection) -> None:
    _overwrite(connection)
    mine = approvals.c.execution == guard.stream
    connection.execute(approvals.update().where(mine).values(shown="{}"))


@apply_guard.register
def _(guard: DestroyValues, connection: Connection) -> None:
    """The salt goes with the key: without it nobody can try out what a digest in the journal was made of."""
    for table in (working_values, working_keys):
        connection.execute(table.delete().where(table.c.execution == guard.execution))


@apply_guard.register
def _(guard: EraseTraces, connection: Connection) -> None:
    _overwrite(connection)
    connection.execute(executions.update().where(executions.c.id == guard.stream).values(inputs="{}"))
    connection.execute(
        approvals.update().where(approvals.c.execution == guard.stream).values(shown="{}", message="")
    )


def _overwrite(connection: Connection) -> None:
    """First of the guards: from here on SQLite overwrites what this connection deletes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON").all()
