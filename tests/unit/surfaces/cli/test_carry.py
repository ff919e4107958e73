"""What the exit code says of an execution, and when a person is asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.control import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.surfaces.cli import asking, carry
from bridle.surfaces.cli.carry import Manner, choose_manner, exit_code
from bridle.surfaces.cli.commands import verdicts


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


class Desk:
    """An app with one request, which `answer` answers from another shell."""

    def __init__(self, approval):
        self.approval, self.state, self.given = approval, State.WAITING, []
        self.control, self.approvals, self.user = self, self, "user:me"

    def answer(self, state, by):
        self.approval, self.state = replace(self.approval, state=state, by=by), State.DENIED

    async def get(self, sought):
        return self.approval if sought == self.approval.id else SimpleNamespace(id=sought, state=self.state)

    async def find(self, *, execution, states):
        return [self.approval] if self.approval.state in states else []

    async def give_verdict(self, approval, verdict):
        if self.approval.state is not ApprovalState.OPEN:
            raise InputError("it is denied")
        self.given.append(verdict.approved)


@pytest.fixture
def desk(make_approval):
    return Desk(make_approval(expires_at=datetime.now(UTC) + timedelta(days=1)))


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("typed", "state", "said"),
    [
        (None, ApprovalState.APPROVED, "user:ben approved apr_1 meanwhile."),
        (None, ApprovalState.USED, "user:ben approved apr_1 meanwhile."),
        ("y", ApprovalState.DENIED, "user:ben denied apr_1 meanwhile."),
    ],
)
async def test_a_question_that_somebody_else_answered_says_who_and_gives_no_second_word(
    monkeypatch, capsys, desk, typed, state, said
):
    async def ask(question, unless):
        assert not await unless()
        desk.answer(state, "user:ben")
        assert await unless()
        return typed

    monkeypatch.setattr(carry, "ask", ask)
    assert await carry._answer(desk, desk.approval, Manner(), carry.View())
    assert (desk.given, said in capsys.readouterr().err) == ([], True)


@pytest.mark.usefixtures("terminal")
async def test_a_refusal_that_nobody_else_s_word_explains_is_not_hidden(monkeypatch, desk):
    async def ask(question, unless):
        return "y"

    async def refuse(approval, verdict):
        raise InputError("it takes a key")

    monkeypatch.setattr(carry, "ask", ask)
    monkeypatch.setattr(desk, "give_verdict", refuse)
    with pytest.raises(InputError, match="takes a key"):
        await carry._answer(desk, desk.approval, Manner(), carry.View())


async def test_what_cannot_be_answered_any_more_is_not_shown(capsys, desk):
    await verdicts._show(desk, "apr_1")
    assert "Ship the repair?" in capsys.readouterr().err
    desk.answer(ApprovalState.USED, "user:ben")
    await verdicts._show(desk, "apr_1")
    assert capsys.readouterr().err == ""


async def test_who_names_no_approval_is_asked_after_seeing_it(monkeypatch, capsys, desk):
    async def ask(question):
        assert "Ship the repair?" in capsys.readouterr().err
        return ""

    monkeypatch.setattr(asking, "ask", ask)
    options = {"asks": True, "quiet": False, "as_json": False}
    assert await verdicts._give(desk, Verdict(True, "user:me"), "", **options) == 6
    assert desk.given == []
