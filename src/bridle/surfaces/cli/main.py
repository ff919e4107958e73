"""`bridle`: the commands, and the one place where an error becomes a message and an exit code.

    0 done · 1 a bug of ours · 2 bad input · 3 not allowed · 4 ran and failed · 5 unavailable · 6 waits for a person

Nothing heavy is imported here: each command imports what it needs when it is called.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from importlib import import_module
from typing import Any

import typer

from bridle.core.errors import BridleError, InputError
from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import print_json, say
from bridle.surfaces.cli.output import LostOutput, give_up_output, watched_output

COMMANDS = (
    "demo",
    "start",
    "agent",
    "serve",
    "dev",
    "session",
    "case",
    "tools",
    "interrupt",
    "kill",
    "retention",
    "check",
    "plan",
    "carry_on",
    "rerun",
    "verdicts",
    "deputies",
    "digest",
    "decide",
    "people",
    "principals",
    "roles",
    "limits",
    "work",
    "policy",
    "inspect",
    "audit",
    "prove",
    "exhibits",
    "deployments",
    "explain",
    "redact",
    "keys",
    "erase",
    "doctor",
    "init",
    "schema",
    "fmt",
    "lock",
)
INTERRUPTED = 130
# What is imported stays: by default it is looked through for garbage again and again, for a tenth of the time that a start takes.
COLLECTED_AFTER = (50_000, 10, 10)
USAGE_ERROR: Any = typer.BadParameter.__bases__[0]  # typer raises it for a wrong call; it has no public name


def register() -> typer.Typer:
    """Have every module declare its commands; the modules themselves import only names and options."""
    for module in COMMANDS:
        import_module(f"bridle.surfaces.cli.commands.{module}")
    return root


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit the process."""
    gc.set_threshold(*COLLECTED_AFTER)
    given = sys.argv[1:] if arguments is None else arguments
    try:
        with _terminated_as_interrupted(), watched_output():
            code = _guard(lambda: _call(given), as_json="--json" in given)
    except LostOutput as lost:
        code = _give_up(lost)
    sys.exit(code)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does, whoever handles that by then: a supervisor's word leaves no less behind."""

    def interrupt(number: int, frame: Any) -> None:
        handler = signal.getsignal(signal.SIGINT)
        # A job that a shell starts in the background ignores Ctrl-C; it is not meant to ignore this.
        (handler if callable(handler) else signal.default_int_handler)(signal.SIGINT, frame)

    earlier = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def _call(given: list[str]) -> Any:
    """Call the command; typer's own `main` would end the process itself on some errors."""
    command = _build(given[0] if given else "")
    try:
        with command.make_context("bridle", list(given)) as context:
            return command.invoke(context)
    except typer.Exit as ended:
        return ended.exit_code


def _build(name: str) -> Any:
    """Return the root with the one command that is called: to build them all takes longer than most of them run."""
    called = copy(register())
    commands = [one for one in called.registered_commands if one.name == name]
    groups = [one for one in called.registered_groups if one.name == name]
    if commands or groups:
        called.registered_commands, called.registered_groups = commands, groups
    return typer.main.get_group(called)


def _guard(call: Callable[[], Any], *, as_json: bool) -> int:
    try:
        code = call()
    except BridleError as error:
        _report(error, as_json=as_json)
        return error.exit_code
    except (typer.Abort, EOFError):  # the terminal was closed at a question
        return INTERRUPTED
    except USAGE_ERROR as error:
        _report_usage(error, as_json=as_json)
        return InputError.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _give_up(lost: LostOutput) -> int:
    failure = give_up_output(lost)
    if failure is None:
        return 0
    _report(failure, as_json=False)
    return failure.exit_code


def _report_usage(error: Any, *, as_json: bool) -> None:
    if as_json:
        usage = InputError(error.format_message(), hint="see bridle --help", reason="usage")
        _report(usage, as_json=True)
    else:
        error.show()


def _report(error: BridleError, *, as_json: bool) -> None:
    if as_json:
        print_json(error.to_problem())
    else:
        say(f"bridle: {error}")
