"""What the operators do with plain values: truth, equality, order, and the text that a value becomes.

Rules
  1. true and false are these two, or the words as text. null decides nothing. Anything else is an error.
  2. Equal means the same value; a number and text are equal when the text is that number written out, true and
     "true" likewise. Two texts are equal when they are the same text.
  3. Order is by value when both sides are numbers or text that is a number, else by text; what has no order
     gives null.
  4. A secret takes part in none of this.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from decimal import Decimal

from bridle.core.canonical import Json
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.lookup import holds_marker

_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_ORDERS: dict[str, Callable[[Decimal | str, Decimal | str], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: dict[str, bool] = {"true": True, "false": False}


def refuse_secret(value: Json) -> None:
    """Raise ExpressionError when `value` holds the placeholder of a secret."""
    if holds_marker(value):
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
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_equal(left: Json, right: Json) -> bool:
    if isinstance(left, str) != isinstance(right, str):
        text, other = (left, right) if isinstance(left, str) else (right, left)
        assert isinstance(text, str)
        if isinstance(other, bool):
            return _WORDS.get(text.lower()) is other
        return isinstance(other, int) and _as_number(text) == other
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _as_number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return Decimal(value) if isinstance(value, int) or _NUMBER.fullmatch(value) else None
