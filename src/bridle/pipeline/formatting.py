"""The canonical form of a pipeline file, and the proof that it says the same.

Rules
  1. A file is formatted only when it reads without a fault: what can't be read can't be compared.
  2. Spelling and order of keys leave the plan's digest as it was, and no line is lost or made: both are checked here.
  3. The wrapper of expressions is part of the plan's text, so that the digest changes with it; the plans are compared
     expression by expression instead, as trees.
  4. The form is stable: formatting it again changes nothing.

What is rewritten is in `respelling`, what is moved in `layout`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.functions import ExpressionError
from bridle.pipeline.layout import order_blocks
from bridle.pipeline.library import Library
from bridle.pipeline.parser import parse_template
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.respelling import choose_wrapper, respell_keys, strip_offsets


def format_pipeline(text: str, *, source: str, library: Library | None = None) -> str:
    """Return the canonical form of the pipeline in `text`; raise PipelineError for its faults. `library` has what it uses.

    Raise InputError `not-formatted` when the form could not be proved to say the same; the file is then left alone.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark) if mark else text
    plan = read_pipeline(text, source=source, library=library)
    respelled = respell_keys(text)
    ordered = order_blocks(respelled)
    _need(_count_lines(ordered) == _count_lines(respelled), source, "a line would be lost")
    reordered = _read_again(ordered, source, library)
    _need(reordered.digest() == plan.digest(), source, "the plan would change")
    wrapped = choose_wrapper(ordered)
    _need(
        _mean(_read_again(wrapped, source, library), source) == _mean(reordered, source),
        source,
        "an expression would change",
    )
    return mark + wrapped


def _read_again(text: str, source: str, library: Library | None) -> Plan:
    try:
        return read_pipeline(text, source=source, library=library)
    except InputError as error:
        raise _refuse(source, f"the form could not be read: {error.what}") from error


def _need(holds: bool, source: str, what: str) -> None:
    if not holds:
        raise _refuse(source, what)


def _refuse(source: str, what: str) -> InputError:
    hint = "format this file by hand: it is written in a way that the formatter can't keep"
    return InputError(f"not formatted: {what}", where=source, hint=hint, reason="not-formatted")


def _count_lines(text: str) -> Counter[str]:
    return Counter(line.strip(" -\r\n") for line in text.splitlines())


def _mean(plan: Plan, source: str) -> object:
    """Return what a plan says, with its expressions as trees and without places and notes."""
    is_place = re.compile(re.escape(source) + r":\d+:\d+").fullmatch
    return _as_trees({key: value for key, value in plan.to_json().items() if key != "notes"}, is_place)


def _as_trees(value: Json, is_place: Callable[[str], object]) -> object:
    if isinstance(value, Mapping):
        return {key: _as_trees(item, is_place) for key, item in value.items()}
    if isinstance(value, str):
        try:
            return "" if is_place(value) else strip_offsets(parse_template(value))
        except ExpressionError:
            return value
    return [_as_trees(item, is_place) for item in value] if isinstance(value, Sequence) else value
