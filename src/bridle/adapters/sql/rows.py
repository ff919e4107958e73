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
