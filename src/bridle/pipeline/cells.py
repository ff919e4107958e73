"""The cells of a strategy as their beginning records them: how many there are, what each sees, and what people call it.

Rules
  1. `{"count", "cells", "max_parallel"}`, and `names` where there is a `node-name`. The rounds of a `while` or a window are no
     cells: they have only a number.
  2. A part of a strategy that comes to null is an error, never as if it were not there: no limit, the whole list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import InputError
from bridle.pipeline.expressions import render
from bridle.pipeline.strategy import Strategy, count_of, expand
from bridle.pipeline.values import to_text

LONGEST_NAME = 128
_EMPTY: Mapping[str, Json] = {}


def count_cells(strategy: Strategy, spec: Json) -> dict[str, Json]:
    """Return what the beginning of a strategy records of its cells; raise InputError. `spec` has been evaluated."""
    assert isinstance(spec, Mapping)
    for name, written in strategy.spec().items():
        if (
            written is not None and spec[name] is None
        ):  # not as if it were not there: no limit, the whole list
            told = "iterations" if name == "count" else name.replace("_", "-")
            raise InputError(f"{told!r} is null", reason="bad-strategy", hint="give it a value")
    limit = spec.get("max_parallel")
    most = count_of(limit, "max-parallel") if limit is not None else 0
    if limit is not None and most < 1:
        raise InputError(
            "max-parallel is 0: nothing would ever run", hint="give it at least 1", reason="bad-count"
        )
    if strategy.kind == "window":
        return {"count": strategy.rounds, "cells": [], "max_parallel": 1}
    if strategy.kind == "while":
        return {"count": count_of(spec.get("count"), "iterations"), "cells": [], "max_parallel": 1}
    cells = [cell.to_json() for cell in expand(strategy, spec)]
    return {"count": len(cells), "cells": cells, "max_parallel": most}


def name_cells(
    strategy: Strategy, counted: Mapping[str, Any], context: Mapping[str, Json]
) -> dict[str, Json]:
    """Return `{"names"}`, what `node-name` comes to in each cell or round: for people, paths are made of ids."""
    if not strategy.node_name:
        return {}
    around = as_mapping(context.get("matrix") or {})
    cells = (show_cell(counted, index, around=around) for index in range(counted["count"]))
    told = [render(strategy.node_name, {**context, **cell}) for cell in cells]
    return {"names": [_one_line(to_text(name))[:LONGEST_NAME] for name in told]}


def _one_line(text: str) -> str:
    """Return a name without anything that a terminal would obey: it may hold what a step has put out."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def show_cell(body: Mapping[str, Json], index: int, *, around: Mapping[str, Json] = _EMPTY) -> dict[str, Any]:
    """Return what expressions see in one cell of a strategy whose beginning is `body`."""
    cells, total = body.get("cells") or (), body.get("count")
    assert isinstance(cells, (list, tuple))
    cell: Mapping[str, Any] = cells[index] if index < len(cells) else _EMPTY
    return {
        "matrix": {**around, **(cell.get("values") or {})},
        "for": {"iteration": index},
        "strategy": {"iteration": index, "total": total, "item": cell.get("item")},
        "split": {"index": index, "total": total},
    }
