"""Rows to records and back: a column for each field, of the same name.

A time is kept as its text, a state as its word, and whatever has parts as canonical JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import sqlalchemy as sa

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.prepared import Prepared
from bridle.core.canonical import canonical
from bridle.core.clock import iso

T = TypeVar("T")


def to_columns(record: Any, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Return what is kept of a record, by column; `without` these fields, which have none."""
    names = [field.name for field in fields(record) if field.name not in without]
    return {name: _keep(getattr(record, name)) for name in names}


def reads(
    record: Callable[..., T], *, without: Collection[str] = (), **ways: Callable[[Any], Any]
) -> Callable[[Any], T]:
    """Return what makes a record of a row: each field as its column has it, or as its way reads it; NULL is None."""
    every = [field.name for field in fields(record)]  # type: ignore[arg-type]
    names = [(name, ways.get(name)) for name in every if name not in without]

    def read(row: Any) -> T:
        kept = ((name, way, getattr(row, name)) for name, way in names)
        return record(
            **{name: value if way is None or value is None else way(value) for name, way, value in kept}
        )

    return read


class Rows:
    """Reads the rows of one noun."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _find(
        self, statement: Prepared, sought: Mapping[str, object], read: Callable[[Any], T]
    ) -> T | None:
        row = await self._database.find(statement, sought)
        return None if row is None else read(row)

    async def _list(
        self, query: sa.Select[Any] | sa.CompoundSelect[Any], read: Callable[[Any], T]
    ) -> list[T]:
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [read(row) for row in rows]


def read_id(row: Any) -> str:
    """Return the id of a row."""
    return str(row.id)


def read_tuple(text: str) -> tuple[Any, ...]:
    """Return a list that was kept as JSON."""
    return tuple(json.loads(text))


def _keep(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, frozenset):
        return canonical(sorted(value)).decode()
    if isinstance(value, (Mapping, tuple)):
        return canonical(value).decode()
    return canonical(value.to_json()).decode() if hasattr(value, "to_json") else value
