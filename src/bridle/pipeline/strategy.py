"""Strategies: one node that stands for many cells. Pure: values in, cells out.

Rules
  1. matrix: every combination of the axes, in the order of the file, the last axis fastest; `exclude` takes out what matches
     all of its keys; `include` adds to the combinations it fits without changing them, or else is a cell of its own, to which
     no other `include` adds.
  2. for and repeat: one cell an iteration or an item; `partition-size` gives each cell a part of the items, by count or per cent.
  3. while and window go on one cell at a time until the condition no longer holds, the iterations are used up, or the time
     is over; a window is a verification window: each cell is one round of checks, and a failed round ends it.
  4. A window is never cut short: it has as many rounds as fit into it, at most `MOST_ROUNDS`, which the reader sees to.
  5. At most `MOST_CELLS`; more is an error, before anything is made of them. Values may be expressions: they are evaluated first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import ceil, prod
from typing import Any, Literal

from pydantic import ConfigDict, with_config

from bridle.core.canonical import Json
from bridle.core.errors import InputError

MOST_CELLS = 1_000
_DIGITS = 12  # a longer number is told as one of so many
MOST_ROUNDS = 100_000  # of a window: 28 hours of one a second
UNBOUNDED = frozenset({"while", "window"})  # their cells are made one after the other, while it runs


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Strategy:
    """How a node is repeated. Texts may hold expressions.

    `axes`, `include`, `exclude`: matrix; the axes are pairs, because their order counts and that of a mapping is not kept.
    `count`: for, while. `items`, `start`, `end`, `partition_size`, `unit`: repeat. `condition`: while. `delay_s`: between
    the rounds of while and window. `window_s`: how long a window lasts.
    """

    kind: Literal["matrix", "for", "while", "repeat", "window"]
    axes: tuple[tuple[str, Any], ...] = ()
    include: Any = ()
    exclude: Any = ()
    count: Any = None
    items: Any = None
    start: Any = None
    end: Any = None
    partition_size: Any = None
    unit: Literal["count", "percentage"] = "count"
    condition: str = ""
    delay_s: int = 0
    window_s: int | None = None
    max_parallel: Any = None
    fail_fast: bool = False
    node_name: str = ""

    @property
    def rounds(self) -> int:
        """Return how many rounds a window has: the first at its beginning, the last not after its end."""
        return (self.window_s or 0) // max(self.delay_s, 1) + 1

    def spec(self) -> dict[str, Any]:
        """Return the parts that may hold expressions."""
        names = (
            "axes",
            "include",
            "exclude",
            "count",
            "items",
            "start",
            "end",
            "partition_size",
            "max_parallel",
        )
        parts = {name: getattr(self, name) for name in names}
        return {**parts, "axes": [list(axis) for axis in self.axes]}


@dataclass(frozen=True)
class Cell:
    """One repetition: `values` are what expressions see as `matrix`, `item` what they see as `strategy.item`."""

    index: int
    values: Mapping[str, Json] = field(default_factory=dict)
    item: Json = None

    def to_json(self) -> dict[str, Json]:
        return {"values": dict(self.values), "item": self.item}


def expand(strategy: Strategy, spec: Mapping[str, Json]) -> list[Cell]:
    """Return the cells of a strategy whose `spec` has been evaluated; raise InputError for what gives none or too many."""
    if strategy.kind == "matrix":
        return _expand_matrix(spec)
    if strategy.kind == "repeat" and spec.get("items") is not None:
        return _expand_items(strategy, spec)
    name = "iterations"
    return [Cell(index) for index in range(count_of(spec.get("count"), name))]


def count_of(value: Json, name: str) -> int:
    """Return a number of repetitions, given as a number or as its text."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit()):
        raise InputError(
            f"{name!r} is not a number: {str(value)[:40]!r}",
            reason="bad-count",
            hint=f"give a whole number up to {MOST_CELLS}, without a sign",
        )
    return _bounded(int(text)) if len(text) <= _DIGITS else _bounded(10**_DIGITS)


def _bounded(count: int) -> int:
    if count > MOST_CELLS:
        raise InputError(
            f"a strategy of {count}{' or more' if count == 10**_DIGITS else ''} cells",
            reason="too-many-cells",
            hint=f"at most {MOST_CELLS} are run: partition the items, or split the pipeline",
        )
    return count


def _expand_matrix(spec: Mapping[str, Json]) -> list[Cell]:
    axes = dict(_read_axis(axis) for axis in _listed(spec["axes"], "matrix"))
    _bounded(prod(map(len, axes.values())))
    combinations = (
        [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    )
    excluded = [_mapping(item, "exclude") for item in _listed(spec.get("exclude") or (), "exclude")]
    kept = [cell for cell in combinations if not any(_fits(cell, item) for item in excluded)]
    own: list[dict[str, Json]] = []
    for item in _listed(spec.get("include") or (), "include"):
        extra = _mapping(item, "include")
        named = {name: value for name, value in extra.items() if name in axes}
        if any(_fits(cell, named) for cell in kept):
            kept = [{**cell, **extra} if _fits(cell, named) else cell for cell in kept]
        else:
            own.append(dict(extra))
    _bounded(len(kept) + len(own))
    return [Cell(index, values) for index, values in enumerate((*kept, *own))]


def _read_axis(axis: Json) -> tuple[str, list[Json]]:
    name, values = _listed(axis, "axis")
    return str(name), _listed(values, str(name))


def _fits(cell: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    return all(name in cell and cell[name] == value for name, value in wanted.items())


def _expand_items(strategy: Strategy, spec: Mapping[str, Json]) -> list[Cell]:
    items = _listed(spec["items"], "items")
    start = count_of(spec["start"], "start") if spec.get("start") is not None else 0
    end = count_of(spec["end"], "end") if spec.get("end") is not None else len(items)
    chosen = items[start:end]
    if spec.get("partition_size") is None:
        _bounded(len(chosen))
        return [Cell(index, item=item) for index, item in enumerate(chosen)]
    size = count_of(spec["partition_size"], "partition-size")
    parts = list(_partition(chosen, size, unit=strategy.unit))
    _bounded(len(parts))
    return [Cell(index, item=part) for index, part in enumerate(parts)]


def _partition(items: list[Json], size: int, *, unit: str) -> Iterator[list[Json]]:
    if size < 1:
        raise InputError("a partition of nothing", reason="bad-count", hint="give partition-size at least 1")
    each = max(ceil(len(items) * size / 100), 1) if unit == "percentage" else size
    for start in range(0, len(items), each):
        yield items[start : start + each]


def _listed(value: Json, name: str) -> list[Json]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    raise InputError(f"{name!r} is not a list", reason="bad-strategy", hint=f"give {name!r} a list of values")


def _mapping(value: Json, name: str) -> Mapping[str, Json]:
    if isinstance(value, Mapping):
        return value
    raise InputError(f"{name!r} needs mappings", reason="bad-strategy", hint="write name: value pairs")
