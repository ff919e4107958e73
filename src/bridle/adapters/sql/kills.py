"""Kills on SQL: the mark, what it does in its own transaction, and the look that others take at it in theirs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.leases import read_clock
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.process import Process, is_gone
from bridle.adapters.sql.rows import Rows, read_tuple, reads, to_columns
from bridle.adapters.sql.schema import approvals, executions, kill_answers, kills, sessions, tokens, workers
from bridle.core.clock import from_iso, iso
from bridle.trust.kills import (
    Answer,
    AnswerKill,
    Kill,
    Killed,
    Kills,
    LiftKill,
    MakeKill,
    NothingToKill,
    NotKilled,
    Scope,
)

# Made once: it is looked at with each intent, and almost always there is none.
ALL_STANDING = kills.select().where(kills.c.lifted_at.is_(None)).order_by(kills.c.at, kills.c.id)
STANDING = Prepared(ALL_STANDING)
OF_EXECUTION = Prepared(
    sa.select(executions.c.pipeline, executions.c.options).where(executions.c.id == sa.bindparam("execution"))
)
_kill = reads(Kill, scope=Scope, at=from_iso, concerned=read_tuple)
CANCEL = "cancel"  # engine.interrupts.Wish.CANCEL


class SqlKills(Rows, Kills):
    """Implements `trust.kills.Kills`."""

    async def standing(self) -> list[Kill]:
        return await self._database.read(lambda connection: [_kill(row) for row in STANDING.rows(connection)])

    async def unanswered(self, process: str) -> list[Kill]:
        done = sa.select(kill_answers.c.kill).where(
            kill_answers.c.process == process, kill_answers.c.left == 0
        )
        query = ALL_STANDING.where(kills.c.id.not_in(done))
        return await self._database.read(lambda connection: [_kill(row) for row in connection.execute(query)])

    async def answers(self, kill: str) -> list[Answer]:
        return await self._database.read(lambda connection: _answers(connection, kill))

    async def of(self, execution: str) -> Kill | None:
        query = kills.select().where(kills.c.concerned.contains(json.dumps(execution), autoescape=True))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _kill(row)

    async def fence(self, processes: Collection[str]) -> None:
        statement = workers.update().where(workers.c.id.in_(sorted(processes))).values(taken=True)
        await self._database.write(lambda connection: connection.execute(statement))


@apply_guard.register
def _(guard: MakeKill, connection: Connection) -> None:
    kill = guard.kill
    started = sa.select(executions.c.id).where(executions.c.pipeline == kill.name).limit(1)
    if kill.scope is Scope.PIPELINE and connection.execute(started).first() is None:
        raise NothingToKill(f"no pipeline {kill.name} was ever started")
    concerned = _concerned_executions(connection, kill)
    closed = _concerned_sessions(connection, kill)
    row = {**to_columns(kill), "concerned": json.dumps(sorted(concerned | closed))}
    connection.execute(kills.insert().values(row))
    for part in _parts(concerned):
        mine = executions.c.id.in_(part), executions.c.ended_at.is_(None)
        connection.execute(executions.update().where(*mine).values(wish=CANCEL))
    for part in _parts(closed):
        connection.execute(sessions.update().where(sessions.c.id.in_(part)).values(state="closed"))
        waits = approvals.c.execution.in_(part), approvals.c.state.in_(["open", "approved"])
        connection.execute(approvals.update().where(*waits).values(state="expired"))
    if kill.scope is Scope.ALL:
        connection.execute(tokens.delete())
        return
    for part in _parts(concerned | closed):
        connection.execute(tokens.delete().where(tokens.c.execution.in_(part)))


@apply_guard.register
def _(guard: LiftKill, connection: Connection) -> None:
    mine = kills.c.id == guard.kill, kills.c.lifted_at.is_(None)
    change_one(guard, connection, kills.update().where(*mine).values(lifted_at=iso(guard.now)))


@apply_guard.register
def _(guard: AnswerKill, connection: Connection) -> None:
    mine = kill_answers.c.kill == guard.kill, kill_answers.c.process == guard.process
    said = {"left": guard.left, "at": iso(guard.now)}
    if connection.execute(sa.select(kill_answers.c.kill).where(*mine)).one_or_none() is None:
        row = {"kill": guard.kill, "process": guard.process, **said}
        change_one(guard, connection, kill_answers.insert().values(row))
    else:
        change_one(guard, connection, kill_answers.update().where(*mine).values(said))


@apply_guard.register
def _(guard: NotKilled, connection: Connection) -> None:
    refuse_killed(connection, execution=guard.execution, actors=guard.actors)


def refuse_killed(
    connection: Connection,
    *,
    execution: str = "",
    pipeline: str = "",
    parent: str = "",
    actors: Collection[str] = (),
) -> None:
    """Raise Killed when a kill stands for the execution (or one that is to be, of a pipeline and a parent), or for who acts."""
    standing = STANDING.rows(connection)
    if not standing:
        return
    pipelines = {pipeline, *_pipelines_of(connection, execution or parent)}
    for row in standing:
        stops = {Scope.ALL: True, Scope.AGENT: row.name in actors, Scope.PIPELINE: row.name in pipelines}
        if stops[Scope(row.scope)]:
            kill = _kill(row)
            raise Killed(
                f"{kill.by} has stopped {kill.what}: {kill.reason}",
                where=kill.id,
                hint=f"bridle kill --lift {kill.id}, by somebody who may",
            )


def killed_pipelines(connection: Connection) -> tuple[bool, list[str]]:
    """Return whether everything is stopped, and which pipelines are."""
    standing = STANDING.rows(connection)
    everything = any(row.scope == str(Scope.ALL) for row in standing)
    return everything, [row.name for row in standing if row.scope == str(Scope.PIPELINE)]


def _pipelines_of(connection: Connection, execution: str) -> Iterator[str]:
    """Name the pipelines of an execution and of those that it belongs to."""
    seen: set[str] = set()
    while execution and execution not in seen:
        seen.add(execution)
        row = OF_EXECUTION.row(connection, {"execution": execution})
        if row is None:
            return
        yield row.pipeline
        execution = str(json.loads(row.options).get("parent", ""))


def _concerned_executions(connection: Connection, kill: Kill) -> set[str]:
    """Return what has not ended and is concerned, with what belongs to it."""
    live = sa.select(executions.c.id, executions.c.pipeline, executions.c.options)
    rows = connection.execute(live.where(executions.c.ended_at.is_(None))).all()
    if kill.scope is Scope.ALL:
        return {row.id for row in rows}
    by_agent = kill.scope is Scope.AGENT
    found = (
        _held_by(connection, kill.name) if by_agent else {row.id for row in rows if row.pipeline == kill.name}
    )
    parents = {row.id: str(json.loads(row.options).get("parent", "")) for row in rows}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _concerned_sessions(connection: Connection, kill: Kill) -> set[str]:
    opened = sa.select(sessions.c.id, sessions.c.agent).where(sessions.c.state == "open")
    rows = connection.execute(opened).all()
    if kill.scope is Scope.ALL:
        return {row.id for row in rows}
    if kill.scope is Scope.PIPELINE:
        return set()
    held = _held_by(connection, kill.name)
    return {row.id for row in rows if row.agent == kill.name or row.id in held}


def _held_by(connection: Connection, agent: str) -> set[str]:
    """Return where the agent has a token, for itself or through others."""
    rows = connection.execute(sa.select(tokens.c.execution, tokens.c.principal, tokens.c.claims))
    return {
        row.execution
        for row in rows
        if agent == row.principal or agent in json.loads(row.claims).get("actors", ())
    }


def _answers(connection: Connection, kill: str) -> list[Answer]:
    said = {
        row.process: row
        for row in connection.execute(kill_answers.select().where(kill_answers.c.kill == kill))
    }
    now = read_clock(connection)
    found = []
    for row in connection.execute(workers.select().where(workers.c.taken.is_(False))):
        if is_gone(Process(row.machine, row.pid, row.started)):
            continue
        answer = said.get(row.id)
        found.append(
            Answer(
                process=row.id,
                host=row.machine.partition(" ")[0],
                pid=row.pid,
                silent_s=max(now - row.beat_at, 0.0),
                left=answer.left if answer else None,
                at=answer.at if answer else "",
            )
        )
    return found


def _parts(ids: set[str], size: int = 500) -> Iterator[list[str]]:
    """Part ids into as many as both stores take in one statement."""
    listed = sorted(ids)
    return (listed[start : start + size] for start in range(0, len(listed), size))
