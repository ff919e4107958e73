"""Applies guarded changes inside the journal's transaction. Each noun's file registers its own; the journal imports them all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import UpdateBase

from bridle.adapters.sql.prepared import COUNTED, NOTHING, Prepared
from bridle.trust.journal import Guard, GuardError


@singledispatch
def apply_guard(guard: Guard, connection: Connection) -> None:
    """Make the change or raise GuardError; a guard that nobody registered is refused."""
    raise GuardError(f"no store knows how to guard {type(guard).__name__}")


def change_one(
    guard: Guard,
    connection: Connection,
    statement: UpdateBase | Prepared,
    values: Mapping[str, object] = NOTHING,
) -> None:
    """Run a statement that must change exactly one row; `values` are what a prepared one leaves open."""
    try:
        if isinstance(statement, Prepared):
            changed = statement.change(connection, values)
        else:
            changed = connection.execute(statement, execution_options=COUNTED).rowcount
    except sa.exc.IntegrityError as error:
        raise refuse(guard, "is there already") from error
    if changed != 1:
        raise refuse(guard)


def refuse(guard: Guard, why: str = "is not in the state this needs") -> GuardError:
    """Return the error that names what is guarded."""
    return GuardError(f"{guard.guards.format(guard)} {why}")
