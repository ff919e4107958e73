"""Texts that a pattern matches, made when the tests run: no file of ours then holds what looks like a secret.

One text for each alternative of the pattern, with letters that differ, as short as the pattern allows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import product
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

MOST_ALTERNATIVES = 64
PLAINLY = 8  # characters at least where the pattern leaves it open: one letter is in any text
_CATEGORIES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": "abcXYZ_189",
    "CATEGORY_NOT_SPACE": "abcXYZ189",
}
_PLAIN = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def make_examples(pattern: str) -> list[tuple[str, str]]:
    """Return (text, what the first group matches in it) for the alternatives of `pattern`."""
    chance = random.Random(pattern)  # noqa: S311 - the same examples in every run
    texts = dict.fromkeys(_write(list(parser.parse(pattern)), chance))
    found = ((text, re.search(pattern, text)) for text in texts)
    return [(text, match[1]) for text, match in found if match and match[1]]


def _write(items: Sequence[Any], chance: random.Random) -> list[str]:
    parts = [_write_item(str(kind), value, chance) for kind, value in items]
    return ["".join(choice) for choice, _ in zip(product(*parts), range(MOST_ALTERNATIVES), strict=False)]


def _write_item(kind: str, value: Any, chance: random.Random) -> list[str]:
    if kind == "LITERAL":
        return [chr(value)]
    if kind == "IN":
        return [chance.choice(_members(value))]
    if kind == "SUBPATTERN":
        return _write(value[3], chance)
    if kind == "BRANCH":
        return [text for branch in value[1] for text in _write(branch, chance)]
    if kind in ("MAX_REPEAT", "MIN_REPEAT"):
        return _repeat(*value, chance)
    if kind in ("AT", "ASSERT"):
        return [""]
    assert kind in ("ANY", "NOT_LITERAL"), kind
    return [chance.choice([char for char in _PLAIN if kind == "ANY" or ord(char) != value])]


def _repeat(least: int, most: int, items: Sequence[Any], chance: random.Random) -> list[str]:
    """As few as may be; one at least of what may be left out, as another text."""
    if least == 0:
        return ["", *_write(items, chance)]
    times = max(least, PLAINLY) if str(most) == "MAXREPEAT" else least
    return ["".join(chance.choice(_write(items, chance)) for _ in range(times))]


def _members(items: Sequence[Any]) -> list[str]:
    if str(items[0][0]) == "NEGATE":
        barred = set("".join(_of_class(items[1:])))
        return [char for char in _PLAIN if char not in barred] or [" "]
    return [char for char in _of_class(items) if char.isalnum()] or list(_of_class(items))


def _of_class(items: Sequence[Any]) -> Iterator[str]:
    for kind, value in items:
        if str(kind) == "LITERAL":
            yield chr(value)
        elif str(kind) == "RANGE":
            yield from map(chr, range(value[0], value[1] + 1))
        else:
            yield from _CATEGORIES[str(value)]
