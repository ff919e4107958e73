"""Errors become messages and exit codes in one place, and every command explains itself."""

import asyncio
import json
import re
import shlex
import signal

import pytest
import typer

from bridle.core.errors import (
    BridleError,
    ExecutionError,
    InputError,
    TrustError,
    UnavailableError,
    WaitingError,
)
from bridle.core.states import State
from bridle.surfaces.cli import main
from bridle.surfaces.cli.carry import EXIT_CODES

CODES = [
    (BridleError, 1),
    (InputError, 2),
    (TrustError, 3),
    (ExecutionError, 4),
    (UnavailableError, 5),
    (WaitingError, 6),
]


def raising(error):
    def call():
        raise error

    return call


def leaves(command, words=()):
    """Yield every command with the words that call it."""
    if not getattr(command, "commands", None):
        yield words, command
        return
    for name, below in command.commands.items():
        yield from leaves(below, (*words, name))


COMMANDS = dict(leaves(typer.main.get_command(main.register())))


def ids(words):
    return " ".join(words)


def run(*words):
    with pytest.raises(SystemExit) as ended:
        main.run(list(words))
    return ended.value.code


@pytest.mark.parametrize(("error", "code"), CODES)
def test_an_error_has_the_exit_code_of_its_class_and_is_told_on_standard_error(error, code, capsys):
    told = error("the branch is gone", where="p.yaml:3:7", hint="push it")
    assert main._guard(raising(told), as_json=False) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", "bridle: p.yaml:3:7: the branch is gone\n  next: push it\n")


@pytest.mark.parametrize(("error", "code"), CODES)
def test_with_json_an_error_is_one_problem_document_on_standard_output(error, code, capsys):
    told = error("the branch is gone", where="p.yaml:3:7", hint="push it", reason="no-branch")
    assert main._guard(raising(told), as_json=True) == code
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == (told.to_problem(), "")
    assert json.loads(out)["type"] == "urn:bridle:problem:no-branch"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), EOFError(), typer.Abort()])
def test_an_interruption_has_the_code_of_the_signal(interruption):
    assert main._guard(raising(interruption), as_json=False) == 130


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
def test_a_supervisor_s_word_ends_what_runs_as_ctrl_c_does(ctrl_c, monkeypatch):
    cut_short = []

    async def work():
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(60)
        except (asyncio.CancelledError, KeyboardInterrupt):
            cut_short.append(True)
            raise

    monkeypatch.setattr(main, "_call", lambda given: asyncio.run(work()))
    before = [signal.signal(signal.SIGINT, ctrl_c), signal.getsignal(signal.SIGTERM)]
    try:
        assert (run("run"), cut_short) == (130, [True])
        assert signal.getsignal(signal.SIGTERM) == before[1]
    finally:
        signal.signal(signal.SIGINT, before[0])


def test_a_bug_is_not_dressed_up_as_something_else():
    with pytest.raises(ZeroDivisionError):
        main._guard(lambda: 1 / 0, as_json=False)


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (6, 6)])
def test_what_a_command_returns_is_the_exit_code(returned, code):
    assert main._guard(lambda: returned, as_json=False) == code


@pytest.mark.parametrize("words", [["nothing-like-it"], ["run"], ["plan", "--no-such-option"]])
def test_a_wrong_call_is_bad_input(words, capsys):
    assert run(*words) == 2
    assert capsys.readouterr().out == ""


def test_a_wrong_call_with_json_is_one_problem_document(capsys):
    assert run("run", "--json") == 2
    assert json.loads(capsys.readouterr().out)["type"] == "urn:bridle:problem:usage"


def test_every_module_of_commands_is_there():
    assert {"demo", "init", "validate", "plan", "run", "resume", "approve", "deny"} < {w[0] for w in COMMANDS}
    assert {"executions", "logs", "audit", "evidence", "doctor"} < {w[0] for w in COMMANDS}


def test_every_command_says_what_it_does_and_shows_an_example_of_itself():
    assert [words for words, command in COMMANDS.items() if not command.help] == []
    for words, command in COMMANDS.items():
        assert command.epilog.startswith(f"Example: bridle {' '.join(words)}")


def test_every_option_and_argument_is_explained():
    params = [(words, item) for words, command in COMMANDS.items() for item in command.params]
    assert [(words, item.name) for words, item in params if not getattr(item, "help", "")] == []


@pytest.mark.parametrize("words", COMMANDS, ids=ids)
def test_every_example_is_a_call_that_is_understood(words):
    command = COMMANDS[words]
    call = re.split(" [<>|] ", command.epilog.removeprefix("Example: bridle "))[0]  # the rest is the shell's
    example = shlex.split(call)
    with command.make_context(words[-1], example[len(words) :]) as context:
        assert context.params


def test_every_command_speaks_json():
    params = {words: {item.name for item in command.params} for words, command in COMMANDS.items()}
    assert [words for words, names in params.items() if "as_json" not in names] == []


def test_the_exit_codes_that_run_s_help_tells_are_those_of_the_errors_and_states():
    told = COMMANDS["run",].help
    wrong = [error.exit_code for error in (InputError, TrustError, ExecutionError, UnavailableError)]
    codes = [int(code) for code in re.findall(r"\b(\d) [a-z]", told.partition("Exit codes:")[2])]
    assert codes == [EXIT_CODES[State.SUCCEEDED], *wrong, EXIT_CODES[State.WAITING]]
