"""Circuits on SQL: a row for each that is open, one for each failure that may open it; all under the journal's lock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.rows import Rows, reads
from bridle.adapters.sql.schema import breaker_failures, breakers
from bridle.core.clock import from_iso, iso
from bridle.core.ids import new_id
from bridle.gate.breakers import (
    Circuit,
    CircuitOpen,
    Circuits,
    CircuitState,
    CloseCircuit,
    EnterCircuits,
    LeaveCircuits,
    MarkOpening,
    OpenCircuit,
    when_cooled,
)

COLUMNS, FAILED = breakers.c, breaker_failures.c
_opened = reads(OpenCircuit)


class SqlCircuits(Rows, Circuits):
    """Implements `gate.breakers.Circuits`."""

    async def states(self, circuits: Sequence[Circuit], *, now: datetime) -> list[tuple[CircuitState, str]]:
        if not circuits:
            return []

        def work(connection: Connection) -> list[tuple[CircuitState, str]]:
            rows = [_find(connection, circuit) for circuit in circuits]
            return [
                (_state(row, circuit, now), str(row.until) if row else "")
                for row, circuit in zip(rows, circuits, strict=True)
            ]

        return await self._database.read(work)

    async def opened(self) -> list[OpenCircuit]:
        query = breakers.select().order_by(COLUMNS.opened_at, COLUMNS.id)
        return await self._list(query, _opened)


@apply_guard.register
def _(guard: EnterCircuits, connection: Connection) -> None:
    for circuit in guard.circuits:
        row = _find(connection, circuit)
        state = _state(row, circuit, guard.now)
        if row is None or state is CircuitState.CLOSED:
            continue
        if state is not CircuitState.COOLED:
            raise CircuitOpen(f"the breaker {circuit.breaker.name} is open for {circuit.subject}")
        mine = breakers.update().where(COLUMNS.id == row.id)
        connection.execute(mine.values(probe=guard.key, probed_at=iso(guard.now)))


@apply_guard.register
def _(guard: LeaveCircuits, connection: Connection) -> None:
    for circuit in guard.circuits:
        row = _find(connection, circuit)
        if row is not None and row.probe == guard.key:
            _end_probe(connection, circuit, row, guard)
        elif row is None and guard.verdict == "failed":
            _count(connection, circuit, guard)


@apply_guard.register
def _(guard: MarkOpening, connection: Connection) -> None:
    mine = COLUMNS.id == guard.circuit, COLUMNS.recorded.is_(False)
    change_one(guard, connection, breakers.update().where(*mine).values(recorded=True))


@apply_guard.register
def _(guard: CloseCircuit, connection: Connection) -> None:
    row = connection.execute(breakers.select().where(COLUMNS.id == guard.circuit)).one_or_none()
    if row is not None:
        connection.execute(
            breaker_failures.delete().where(FAILED.breaker == row.breaker, FAILED.subject == row.subject)
        )
    change_one(guard, connection, breakers.delete().where(COLUMNS.id == guard.circuit))


def _find(connection: Connection, circuit: Circuit) -> Row[Any] | None:
    mine = COLUMNS.breaker == circuit.breaker.name, COLUMNS.subject == circuit.subject
    return connection.execute(breakers.select().where(*mine)).one_or_none()


def _state(row: Row[Any] | None, circuit: Circuit, now: datetime) -> CircuitState:
    if row is None:
        return CircuitState.CLOSED
    if iso(now) < row.until:
        return CircuitState.OPEN
    heard_of = row.probe and now < from_iso(row.probed_at) + circuit.breaker.cool_down
    return CircuitState.PROBING if heard_of else CircuitState.COOLED


def _end_probe(connection: Connection, circuit: Circuit, row: Row[Any], guard: LeaveCircuits) -> None:
    """Close what is well again, open anew what is not, and give the probe back of which nothing is known."""
    if guard.verdict == "ok":
        apply_guard(CloseCircuit(row.id), connection)
        return
    values: dict[str, object] = {"probe": "", "probed_at": ""}
    if guard.verdict == "failed":
        again = {
            "opened_at": iso(guard.now),
            "until": when_cooled(guard.now, circuit.breaker),
            "recorded": False,
        }
        values |= again
    connection.execute(breakers.update().where(COLUMNS.id == row.id).values(values))


def _count(connection: Connection, circuit: Circuit, guard: LeaveCircuits) -> None:
    """Count a failure, and open at the last one."""
    breaker = circuit.breaker
    mine = FAILED.breaker == breaker.name, FAILED.subject == circuit.subject
    since = iso(guard.now - breaker.within)
    connection.execute(breaker_failures.delete().where(*mine, FAILED.at <= since))
    row = {"breaker": breaker.name, "subject": circuit.subject, "key": guard.key, "at": iso(guard.now)}
    change_one(guard, connection, breaker_failures.insert().values(row))
    counted = connection.execute(sa.select(sa.func.count()).select_from(breaker_failures).where(*mine))
    if counted.scalar_one() < breaker.failures:
        return
    connection.execute(
        breakers.insert().values(
            id=new_id("brk"),
            breaker=breaker.name,
            subject=circuit.subject,
            opened_at=iso(guard.now),
            until=when_cooled(guard.now, breaker),
            probe="",
            probed_at="",
            recorded=False,
        )
    )
