"""What the operators do with plain values: truth, equality, order, and the text that a value becomes.

Rules
  1. true and false are these two, or the words as text. null decides nothing. Anything else is an error.
  2. Equal means the same value; a number and text are equal when the text is that number written out, true and
     "true" likewise. Two texts are equal when they are the same text.
  3. Order is by value when both sides are numbers or text that is a number, else by text; what has no order
     gives null.
  4. A secret takes part in none of this.
  5. A value has a size: its characters, and `NODE_SIZE` for every item, entry and scalar. Whoever takes a value in asks
     for it first, so that work and results stay bounded; values that are not JSON have none and are refused.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from bridle.core.canonical import LARGEST_INTEGER, Json
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.lookup import KEPT_OUTPUT, MARKER, holds_marker

_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_ORDERS: dict[str, Callable[[Decimal | str, Decimal | str], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: dict[str, bool] = {"true": True, "false": False}
NODE_SIZE = 4
DEEPEST_VALUE = 100


def measure(value: Json, *, most: int) -> tuple[int, bool]:
    """Return the size of `value`, and whether some text in it looks like the placeholder of a secret.

    Raise ExpressionError when it is larger than `most`, too deep, or no JSON.
    """
    size, is_marked = 0, False
    pending: list[tuple[Json, int]] = [(value, 0)]
    while pending:
        node, depth = pending.pop()
        size += NODE_SIZE
        if isinstance(node, str):
            size += len(node)
            is_marked = is_marked or MARKER in node
        elif isinstance(node, Mapping):
            for name in node:
                pending += ((name, depth + 1), (node[name], depth + 1))
        elif isinstance(node, (list, tuple)):
            pending.extend((item, depth + 1) for item in node)
        else:
            _check_atom(node)
        if size > most or len(pending) * NODE_SIZE > most:
            hint = "pass large values through a workspace file"
            raise ExpressionError("the value is too large", reason="result-too-large", hint=hint)
        if depth > DEEPEST_VALUE:
            raise ExpressionError("the value is nested too deeply", reason="too-deep", hint="flatten it")
    return size, is_marked


def _check_atom(value: object) -> None:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= LARGEST_INTEGER):
        return
    hint = "write it as text"
    raise ExpressionError(f"{type(value).__name__} is no value of a pipeline", reason="bad-value", hint=hint)


def copy_plain(value: Json) -> Json:
    """Return `value` as dicts and lists, whatever kind of mapping it was loaded through; measure it first."""
    if isinstance(value, Mapping):
        return {name: copy_plain(value[name]) for name in value}
    if isinstance(value, (list, tuple)):
        return [copy_plain(item) for item in value]
    return value


def refuse_secret(value: Json, *, outputs: bool = True) -> None:
    """Raise ExpressionError when `value` holds a secret's placeholder, or (`outputs`) is text with that of a secret output."""
    if holds_marker(value) or (outputs and isinstance(value, str) and KEPT_OUTPUT in value):
        hint = "pass the secret on as it is; only the delegate knows its value"
        raise ExpressionError(
            "a secret can't be compared or changed", reason="secret-in-expression", hint=hint
        )


def decide(value: Json) -> bool | None:
    """Return the truth of `value`; None when it is null; raise ExpressionError when it is neither true nor false."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    refuse_secret(value)
    hint = "compare it with something, for example x != null ? x : 'other'"
    raise ExpressionError(
        f"{to_text(value)[:40]!r} is neither true nor false", reason="not-a-boolean", hint=hint
    )


def compare(sign: str, left: Json, right: Json) -> bool | None:
    """Return `left sign right` for two values that aren't null; None when they have no order."""
    if sign in ("==", "!="):
        return _is_equal(left, right) == (sign == "==")
    numbers = (_as_number(left), _as_number(right))
    if numbers[0] is not None and numbers[1] is not None:
        return _ORDERS[sign](numbers[0], numbers[1])
    if isinstance(left, str) and isinstance(right, str):
        return _ORDERS[sign](left, right)
    return None


def to_text(value: Json) -> str:
    """Return the text of `value` inside other text: null is empty, lists and mappings are compact JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(copy_plain(value), ensure_ascii=False, separators=(",", ":"))


def _is_equal(left: Json, right: Json) -> bool:
    if isinstance(left, str) != isinstance(right, str):
        text, other = (left, right) if isinstance(left, str) else (right, left)
        assert isinstance(text, str)
        if isinstance(other, bool):
            return _WORDS.get(text.lower()) is other
        return isinstance(other, int) and _as_number(text) == other
    return _write_sorted(left) == _write_sorted(right)


def _write_sorted(value: Json) -> str:
    return json.dumps(copy_plain(value), sort_keys=True)


def _as_number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return Decimal(value) if isinstance(value, int) or _NUMBER.fullmatch(value) else None
