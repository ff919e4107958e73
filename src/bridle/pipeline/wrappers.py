"""The one wrapper of expressions: `<+path>` is read as `${{ path }}`, so that a file and its form are the same plan.

Rules
  1. A text is rewrapped only as a whole: where what nests, calls or compares inside `<+ … >` would be left, it stays as it is.
  2. It must read as the same tree before and after, as a template and as a condition. A text with a fault stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.parser import parse_condition, parse_template
from bridle.pipeline.syntax import Expression

_SIMPLE = re.compile(r"<\+[ ]*(?!input[ .>])([A-Za-z_]\w*(?:\.\w+(?:-+\w+)*)*)[ ]*>", re.ASCII)
_OPENING, _CLOSING = "${{ ", " }}"


def rewrap(text: str) -> str:
    """Return `text` with the one wrapper where it says the same in it, and `text` itself elsewhere."""
    after = replace_wrappers(text) if "<+" in text else text
    return after if after != text and "<+" not in after and _say_the_same(text, after) else text


def replace_wrappers(text: str) -> str:
    """Return `text` with the one wrapper around every path, whatever it says then."""
    return _SIMPLE.sub(rf"{_OPENING}\1{_CLOSING}", text)


def find_written(text: str, offset: int) -> int:
    """Return where in `text` stands what is at `offset` once it is rewrapped."""
    wider = 0
    for found in _SIMPLE.finditer(text):
        start, length = found.start() + wider, len(_OPENING) + len(found[1]) + len(_CLOSING)
        if offset < start:
            break
        if offset < start + length:
            inside = offset - start - len(_OPENING)
            return found.start() if inside < 0 else found.start(1) + min(inside, len(found[1]))
        wider += length - len(found[0])
    return offset - wider


def _say_the_same(before: str, after: str) -> bool:
    if isinstance(_mean(before, parse_template), str):
        return False
    return all(_mean(before, parse) == _mean(after, parse) for parse in (parse_template, parse_condition))


def _mean(text: str, parse: Callable[[str], Expression]) -> Expression | str:
    """Return the tree of a text, or the reason why it has none."""
    try:
        return parse(text)
    except ExpressionError as error:
        return error.reason
