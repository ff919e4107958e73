"""Statements that each action runs: compiled once, and on SQLite handed straight to the driver.

A statement that finds a row by its index takes SQLite some 10 µs, and SQLAlchemy eight times that around each run of it. On every
other store they run as any statement does.

What comes back is as SQLAlchemy has it: rows with the columns as attributes, values of the columns' types, its errors.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Executable
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection

DIALECT = SQLiteDialect_pysqlite()
NOTHING: Mapping[str, object] = {}
COUNTED = {"preserve_rowcount": True}  # otherwise the count of an insert is not kept on PostgreSQL
Convert = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """The text for the driver; what its question marks stand for, in order; what makes a row of what comes back."""

    text: str
    names: tuple[str, ...]
    given: Mapping[str, object]
    binds: Mapping[str, Convert]
    columns: Sequence[tuple[int, Convert]]
    row: Callable[[Sequence[Any]], Any]


class Prepared:
    """A statement with its parameters left open. It has no list among them, and for an insert `columns` says which it fills."""

    def __init__(self, statement: Executable, *columns: str) -> None:
        self._statement = statement
        self._columns = columns

    def rows(self, connection: Connection, values: Mapping[str, object] = NOTHING) -> Sequence[Any]:
        """Run it, and return what it finds."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).all()
        return [self._made(found) for found in self._run(connection, values).fetchall()]

    def row(self, connection: Connection, values: Mapping[str, object] = NOTHING) -> Any | None:
        """Run it, and return the one row that it finds, or None; two are a bug of the caller's."""
        found = self.rows(connection, values)
        if len(found) > 1:
            raise sa.exc.MultipleResultsFound(f"{len(found)} rows where one was looked for")
        return found[0] if found else None

    def change(self, connection: Connection, values: Mapping[str, object] = NOTHING) -> int:
        """Run an insert, an update or a delete, and return how many rows it changed."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values, execution_options=COUNTED).rowcount
        return self._run(connection, values).rowcount

    def _run(self, connection: Connection, values: Mapping[str, object]) -> sqlite3.Cursor:
        text, names, given, binds, _, _ = self._compiled
        sent = [values[name] if name in values else given[name] for name in names]
        for place, name in enumerate(names):
            if name in binds:
                sent[place] = binds[name](sent[place])
        driver: Any = connection.connection.driver_connection
        try:
            cursor: sqlite3.Cursor = driver.execute(text, sent)
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(text, (), error, sqlite3.Error, hide_parameters=True) from error
        return cursor

    def _made(self, found: Sequence[Any]) -> Any:
        compiled = self._compiled
        if compiled.columns:
            found = list(found)
            for place, convert in compiled.columns:
                found[place] = convert(found[place])
        return compiled.row(found)

    @cached_property
    def _compiled(self) -> _Compiled:
        compiled: Any = self._statement.compile(dialect=DIALECT, column_keys=self._columns or None)  # type: ignore[attr-defined]
        assert not compiled.post_compile_params, "a list among the parameters has no fixed text"
        columns = getattr(self._statement, "selected_columns", ())
        binds = {name: compiled.binds[name].type.dialect_impl(DIALECT) for name in compiled.positiontup}
        given = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        results = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
        row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        return _Compiled(
            str(compiled),
            tuple(compiled.positiontup),
            given,
            {name: way for name, kind in binds.items() if (way := kind.bind_processor(DIALECT)) is not None},
            [(place, convert) for place, convert in enumerate(results) if convert is not None],
            row._make,
        )
