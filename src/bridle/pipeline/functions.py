"""The functions and string methods of the expression language: a closed table, each total over its arguments.

Rules
  1. null in, null out: what could not be resolved does not become text on the way.
  2. An argument of a type the function does not know is an ExpressionError, never a guess.
  3. A result never grows beyond `LARGEST_RESULT` characters or `MOST_ITEMS` items; it is refused before it is made.
  4. A name is read in both namings: `startsWith` and `starts_with`. `hashFiles` is known and refused: files are the
     delegate's, and nothing here reads one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bridle.core.canonical import LARGEST_INTEGER, Json
from bridle.core.errors import InputError

LARGEST_RESULT = 1 << 20
MOST_ITEMS = 50_000
DEEPEST_JSON = 64


class ExpressionError(InputError):
    """The expression is wrong, or can't be evaluated over these values; `offset` counts characters from 0."""

    default_reason = "bad-expression"

    def __init__(self, what: str, *, offset: int = 0, hint: str = "", reason: str = "") -> None:
        super().__init__(what, where=f"column {offset + 1}", hint=hint, reason=reason)
        self.offset = offset


@dataclass(frozen=True)
class Function:
    """What a name does, and the number of arguments it takes (a method's target is the first)."""

    apply: Callable[..., Json]
    least: int
    most: int


def call(name: str, function: Function, *, arguments: list[Json]) -> Json:
    """Apply `function`; null when one of the arguments is null."""
    if any(argument is None for argument in arguments):
        return None
    return function.apply(*(_need_text(name, argument) for argument in arguments))


def _need_text(name: str, argument: Json) -> Json:
    if isinstance(argument, bool) or not isinstance(argument, (str, int, list, tuple)):
        raise ExpressionError(
            f"{name}() can't take {type(argument).__name__}", hint="pass text, or a list of texts"
        )
    return str(argument) if isinstance(argument, int) else argument


def _only_texts(*values: Json) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise ExpressionError("this function takes text only", hint="pick one item of the list first")
    return [str(value) for value in values]


def _lower(text: Json) -> Json:
    return _only_texts(text)[0].lower()


def _upper(text: Json) -> Json:
    return _only_texts(text)[0].upper()


def _replace(text: Json, old: Json, new: Json) -> Json:
    whole, old_text, new_text = _only_texts(text, old, new)
    if not old_text:
        raise ExpressionError("replace() needs something to look for", hint="its first text is empty")
    if len(whole) + whole.count(old_text) * len(new_text) > LARGEST_RESULT:
        raise ExpressionError(
            "the result is too large", reason="result-too-large", hint="use a file in a step"
        )
    return whole.replace(old_text, new_text)


def _split(text: Json, separator: Json) -> Json:
    whole, mark = _only_texts(text, separator)
    if not mark:
        raise ExpressionError("split() needs a separator", hint="pass the text to split at")
    if whole.count(mark) >= MOST_ITEMS:
        raise ExpressionError(
            f"more than {MOST_ITEMS} items", reason="result-too-large", hint="use a file in a step"
        )
    return list(whole.split(mark))


def _contains(whole: Json, part: Json) -> Json:
    if isinstance(whole, (list, tuple)):
        return any(item == part or str(item) == part for item in whole if isinstance(item, (str, int)))
    text, wanted = _only_texts(whole, part)
    return wanted in text


def _starts_with(text: Json, prefix: Json) -> Json:
    whole, wanted = _only_texts(text, prefix)
    return whole.startswith(wanted)


def _ends_with(text: Json, suffix: Json) -> Json:
    whole, wanted = _only_texts(text, suffix)
    return whole.endswith(wanted)


def _from_json(text: Json) -> Json:
    return read_json(_only_texts(text)[0])


def read_json(text: str) -> Json:
    """Return the JSON value in `text`; fractions and huge integers stay text, as in the rest of a plan."""
    if _count_depth(text) > DEEPEST_JSON:
        raise ExpressionError(
            f"JSON nested deeper than {DEEPEST_JSON} levels", reason="too-deep", hint="flatten it"
        )
    try:
        value: Json = json.loads(
            text, parse_float=str, parse_int=_read_integer, parse_constant=_refuse_constant
        )
    except ValueError as exc:
        raise ExpressionError(f"not JSON: {exc}", hint="check what wrote this text") from exc
    return value


def _count_depth(text: str) -> int:
    depth = deepest = 0
    for match in _BRACKET.finditer(
        text
    ):  # counts those in strings too: too strict for odd texts, never too lax
        depth += 1 if match[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _resolve_list(listed: Json) -> Json:
    """Return the ids of connectors, given as a list of them, of `{id: …}`, or as text separated by commas."""
    items = listed.split(",") if isinstance(listed, str) else listed
    assert isinstance(items, (list, tuple))
    ids = [item.get("id") if isinstance(item, Mapping) else item for item in items]
    texts = [item.strip() for item in ids if isinstance(item, str)]
    if len(texts) != len(ids):
        raise ExpressionError("resolveList() takes ids of connectors", hint="pass an array of ids")
    return [text for text in texts if text]


def _read_integer(text: str) -> int | str:
    return int(text) if len(text) < 17 and abs(int(text)) <= LARGEST_INTEGER else text


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def find_function(name: str, table: Table) -> tuple[str, Function | None]:
    """Return the one form of a function's name, and what it does; None when the table has no such name."""
    if name in table:
        return name, table[name]
    camel = re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)
    camel = _TWINS.get(camel, camel)
    return camel, table.get(camel)


Table: TypeAlias = dict[str, Function]
_BRACKET = re.compile(r"[\[\]{}]")
_TWINS = {"fromJson": "fromJSON"}

FUNCTIONS: Table = {
    "lower": Function(_lower, 1, 1),
    "upper": Function(_upper, 1, 1),
    "replace": Function(_replace, 3, 3),
    "contains": Function(_contains, 2, 2),
    "startsWith": Function(_starts_with, 2, 2),
    "endsWith": Function(_ends_with, 2, 2),
    "fromJSON": Function(_from_json, 1, 1),
    "connectorInputs.resolveList": Function(_resolve_list, 1, 1),
}
UNAVAILABLE = ("hashFiles",)
METHODS: Table = {
    "toLowerCase": Function(_lower, 1, 1),
    "toUpperCase": Function(_upper, 1, 1),
    "replace": Function(_replace, 3, 3),
    "split": Function(_split, 2, 2),
    "contains": Function(_contains, 2, 2),
    "startsWith": Function(_starts_with, 2, 2),
    "endsWith": Function(_ends_with, 2, 2),
}
