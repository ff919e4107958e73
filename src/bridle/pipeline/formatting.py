"""The canonical form of a pipeline file, and the proof that it says the same.

Rules
  1. A file is formatted only when it reads without a fault: what can't be read can't be compared. Runtime inputs need no value.
  2. The plan's digest stays as it was, and no line is lost or made: both are checked here.
  3. The form is stable: formatting it again changes nothing.

What is rewritten is in `respelling`, what is moved in `layout`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from bridle.core.errors import InputError
from bridle.pipeline.binding import StandIns
from bridle.pipeline.layout import order_blocks
from bridle.pipeline.library import Library
from bridle.pipeline.plan import Plan
from bridle.pipeline.policies import Policies, no_policies
from bridle.pipeline.read import read_pipeline
from bridle.pipeline.respelling import choose_wrapper, respell_keys


def format_pipeline(
    text: str, *, source: str, library: Library | None = None, policies: Policies = no_policies
) -> str:
    """Return the canonical form of the pipeline in `text`; raise PipelineError for its faults. `library` has what it uses,
    `policies` the sets that it names.

    Raise InputError `not-formatted` when the form could not be proved to say the same; the file is then left alone.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark) if mark else text
    read = partial(read_pipeline, source=source, library=library, policies=policies)
    plan, runtime = _read_any(read, text)
    respelled = respell_keys(text)
    ordered = order_blocks(respelled)
    _need(_count_lines(ordered) == _count_lines(respelled), source, "a line would be lost")
    _need_same(ordered, plan, partial(read, runtime=runtime), source)
    wrapped = choose_wrapper(ordered)
    _need_same(wrapped, plan, partial(read, runtime=runtime), source)
    return mark + wrapped


def _read_any(read: Callable[..., Plan], text: str) -> tuple[Plan, StandIns]:
    """Return the plan with something in the place of its runtime inputs, a number first: what is given is not known here."""
    try:
        return read(text, runtime=(number := StandIns("1"))), number
    except InputError:
        if "input" not in text:
            raise
    try:
        return read(text, runtime=(flag := StandIns("true"))), flag
    except InputError:
        return read(text), StandIns("1")  # raises what is wrong with the file as it stands


def _need_same(text: str, plan: Plan, read: Callable[..., Plan], source: str) -> None:
    try:
        again = read(text)
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
