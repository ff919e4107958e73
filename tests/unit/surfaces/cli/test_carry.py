"""What the exit code says of an execution, and when a person is asked."""

import pytest

from bridle.core.states import State
from bridle.surfaces.cli import carry
from bridle.surfaces.cli.carry import Manner, choose_manner, exit_code


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.SUCCEEDED, 0),
        (State.DENIED, 3),
        (State.FAILED, 4),
        (State.UNKNOWN, 4),
        (State.CANCELLED, 4),
        (State.RUNNING, 4),
        (State.WAITING, 6),
    ],
)
def test_the_exit_code_says_how_an_execution_stands(make_summary, state, code):
    assert exit_code(make_summary(state)) == code


@pytest.fixture
def terminal(monkeypatch):
    def is_there(*, no_input):
        return not no_input

    monkeypatch.setattr(carry, "is_terminal", is_there)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("manner", "asks"),
    [(Manner(), True), (Manner(no_input=True), False), (Manner(approve_as="ana"), False)],
)
def test_a_person_is_asked_on_a_terminal_unless_somebody_said_otherwise(manner, asks):
    assert manner.asks is asks


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("as_json", [True, False])
def test_whoever_wants_one_document_is_asked_nothing_and_shown_nothing_else(as_json):
    manner = choose_manner(quiet=False, no_input=False, approve_as="", as_json=as_json)
    assert (manner.quiet, manner.asks) == (as_json, not as_json)


async def test_an_interrupted_execution_says_how_to_go_on(capsys):
    async def work():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await carry.interruptible("exe_1", work)
    assert "bridle resume exe_1" in capsys.readouterr().err
