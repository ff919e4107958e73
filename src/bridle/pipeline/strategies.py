"""`strategy` of a stage, step or group to a Strategy.

Rules
  1. Exactly one of matrix, for, while, repeat. `for` with `items` is a `repeat`.
  2. A `while` without a ceiling is refused, and so is a matrix that is too large as it is written.
  3. `start`, `end` and `partition-size` choose among `items`: beside `iterations` they are refused.
  4. `iterations` and the like may be expressions; what they come to is checked again when it is known.
"""

from __future__ import annotations

from typing import Any

from bridle.core.errors import InputError
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping, Node, Scalar, to_json
from bridle.pipeline.strategy import Strategy, count_of, expand
from bridle.pipeline.vocabulary import FOR, REPEAT, STRATEGY, WHILE, spell

NO_CELLS = "give it a value; an expression that comes to none when it runs is no error"
_KINDS = ("matrix", "for", "while", "repeat")
_MATRIX_WORDS = {"include": "include", "exclude": "exclude", "node-name": "node_name"}


def read_strategy(fields: Fields) -> Strategy | None:
    """Return the strategy of a node, or None."""
    node = fields.get("strategy")
    body = open_fields(node, STRATEGY, findings=fields.findings) if node is not None else None
    if body is None:
        return None
    kinds = [kind for kind in _KINDS if body.has(kind)]
    if len(kinds) != 1:
        hint = f"use one of {', '.join(_KINDS)}"
        what = f"a strategy can't be {' and '.join(kinds)}" if kinds else "a strategy needs a kind"
        body.refuse(what, reason="several-strategies" if kinds else "missing-strategy", hint=hint)
        return None
    common: dict[str, Any] = {
        "max_parallel": _json(body, "max-parallel"),
        "fail_fast": body.flag("fail-fast", default=False),
    }
    strategy = _READERS[kinds[0]](body, body.nodes[kinds[0]], common)
    if strategy is not None:
        _check_size(strategy, body)
    return strategy


def _read_matrix(body: Fields, node: Node, common: dict[str, Any]) -> Strategy | None:
    if not isinstance(node, Mapping):
        body.refuse("a matrix needs axes", reason="bad-strategy", hint="write axis: [values]", at=node.place)
        return None
    parts: dict[str, Any] = {}
    axes: dict[str, Any] = {}
    for key, value in node.entries:
        word = _MATRIX_WORDS.get(spell(key.text))
        if word:
            parts[word] = to_json(value)
        else:
            axes[key.text] = to_json(value)
    parts["node_name"] = str(parts.get("node_name") or "")
    return Strategy("matrix", axes=tuple(axes.items()), condition=body.text("if").strip(), **parts, **common)


def _read_for(body: Fields, node: Node, common: dict[str, Any]) -> Strategy | None:
    found = _open(body, node, FOR)
    if found is None:
        return None
    _set_limit(common, found)
    condition = body.text("if").strip()
    if found.has("items"):
        return Strategy("repeat", items=_json(found, "items"), condition=condition, **_name(found), **common)
    return Strategy("for", count=_iterations(found), condition=condition, **_name(found), **common)


def _read_while(body: Fields, node: Node, common: dict[str, Any]) -> Strategy | None:
    found = _open(body, node, WHILE)
    if found is None:
        return None
    if not found.has("iterations"):
        hint = "add iterations: the most rounds that are made"
        found.refuse("a while without a ceiling", reason="unbounded-loop", hint=hint)
    return Strategy(
        "while",
        count=_json(found, "iterations"),
        condition=found.required_text("condition").strip(),
        delay_s=found.duration_s("delay", default=0) or 0,
        **_name(found),
        **common,
    )


def _read_repeat(body: Fields, node: Node, common: dict[str, Any]) -> Strategy | None:
    found = _open(body, node, REPEAT)
    if found is None:
        return None
    _set_limit(common, found)
    unit = found.text("unit", "count").lower()
    if unit not in ("count", "percentage"):
        found.refuse(f"{unit!r} is no unit", reason="bad-strategy", hint="use count or percentage")
    condition = body.text("if").strip()
    if not found.has("items"):
        _refuse_parts(found)
        return Strategy("for", count=_iterations(found), condition=condition, **_name(found), **common)
    return Strategy(
        "repeat",
        items=_json(found, "items"),
        start=_json(found, "start"),
        end=_json(found, "end"),
        partition_size=_json(found, "partition-size"),
        unit="percentage" if unit == "percentage" else "count",
        condition=condition,
        **_name(found),
        **common,
    )


def _refuse_parts(found: Fields) -> None:
    """Refuse what chooses among items where there are none: it would change nothing, and look as if it did."""
    for key in ("start", "end", "partition-size"):
        if (node := found.get(key)) is not None:
            hint = "give the list as items; of iterations, write the number that is wanted"
            found.refuse(f"{key!r} chooses among items", reason="no-items", hint=hint, at=node.place)


_READERS = {"matrix": _read_matrix, "for": _read_for, "while": _read_while, "repeat": _read_repeat}


def _open(body: Fields, node: Node, noun: Any) -> Fields | None:
    if isinstance(node, Scalar) and node.text:
        return Fields(noun, node.place, {"iterations": node}, body.findings)
    return open_fields(node, noun, findings=body.findings)


def _iterations(body: Fields) -> Any:
    if not body.has("iterations"):
        body.refuse("a loop needs 'iterations'", reason="missing-key:iterations", hint="add iterations: 3")
    return _json(body, "iterations")


def _name(body: Fields) -> dict[str, Any]:
    return {"node_name": body.text("node-name")}


def _set_limit(common: dict[str, Any], found: Fields) -> None:
    """`max-parallel` stands beside the kind or in it."""
    if common["max_parallel"] is None:
        common["max_parallel"] = _json(found, "max-parallel")


def _json(body: Fields, key: str) -> Any:
    node = body.get(key)
    return None if node is None else to_json(node)


def _check_size(strategy: Strategy, body: Fields) -> None:
    """Expand what holds no expression now: a million cells are refused before anything runs."""
    spec = strategy.spec()
    if holds_expression(spec):
        return
    try:
        if strategy.kind == "while" and spec["count"] is None:
            return
        if strategy.kind == "while":
            count_of(spec["count"], "iterations")
        elif not expand(strategy, spec) and strategy.kind != "for":  # no round is a number, no value a slip
            raise InputError(
                f"a {strategy.kind} without values: nothing would ever run", reason="no-cells", hint=NO_CELLS
            )
        if spec["max_parallel"] is not None and count_of(spec["max_parallel"], "max-parallel") < 1:
            raise InputError(
                "nothing would ever run", reason="bad-count", hint="give max-parallel at least 1"
            )
    except InputError as exc:
        body.refuse(exc.what, reason=exc.reason, hint=exc.hint)


def holds_expression(value: Any) -> bool:
    """True when some text in `value` holds an expression."""
    if isinstance(value, str):
        return "<+" in value or "${{" in value
    if isinstance(value, dict):
        return any(holds_expression(item) for item in value.values())
    return isinstance(value, (list, tuple)) and any(holds_expression(item) for item in value)
