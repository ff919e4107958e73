"""The canonical form of a pipeline file, and the proof that it says the same.

Rules
  1. A file is formatted only when it reads without a fault: what can't be read can't be compared.
  2. The plan's digest stays as it was, and no line is lost or made: both are checked here.
  3. The form is stable: formatting it again changes nothing.

What is rewritten is in `respelling`, what is moved in `layout`.
"""

from __future__ import annotations

from collections import Counter

from bridle.core.errors import InputError
from bridle.pipeline.layout import order_blocks
from bridle.pipeline.library import Library
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.respelling import choose_wrapper, respell_keys


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
    _need_same(ordered, plan, source, library)
    wrapped = choose_wrapper(ordered)
    _need_same(wrapped, plan, source, library)
    return mark + wrapped


def _need_same(text: str, plan: Plan, source: str, library: Library | None) -> None:
    try:
        again = read_pipeline(text, source=source, library=library)
    except InputError as error:
        raise _refuse(source, f"the form could not be read: {error.what}") from error
    _need(again.digest() == plan.digest(), source, "the plan would change")


def _need(holds: bool, source: str, what: str) -> None:
    if not holds:
        raise _refuse(source, what)


def _refuse(source: str, what: str) -> InputError:
    hint = "format this file by hand: it is written in a way that the formatter can't keep"
    return InputError(f"not formatted: {what}", where=source, hint=hint, reason="not-formatted")


def _count_lines(text: str) -> Counter[str]:
    return Counter(line.strip(" -\r\n") for line in text.splitlines())
