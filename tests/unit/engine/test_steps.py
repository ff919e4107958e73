"""How answers of the gate become ends of steps: state, class of failure, and the words beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from bridle.agent.forms import parse_agent
from bridle.core.boundary import Boundary
from bridle.core.clock import FrozenClock
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.starting import inherited
from bridle.engine.steps import end_with, step_action
from bridle.engine.steps.agent import choose_model, end_with_outputs
from bridle.engine.steps.approval import target_path
from bridle.engine.steps.run import _describe_unread
from bridle.engine.steps.tool import tool_action
from bridle.engine.steps.wait import perform_wait
from bridle.gate.action import Denied, Done, Unknown

RED = {"tests": 3, "failures": 1, "errors": 0}
GREEN = {"tests": 3, "failures": 0, "errors": 0}


@dataclass
class FakeLeg:
    """As much of a leg as the function under test looks at."""

    body: dict
    bench: object = None
    execution: object = None
    path: str = "a/b"
    step: object = None
    token: object = None
    workspace: str = "exe_1"
    deployment: object = None
    started_at: object = None


def failed(**value):
    return Done("rec", "failed", {"exit_code": 1, "why": "exit", **value})


@pytest.mark.parametrize(
    ("result", "error", "note"),
    [
        (failed(), "unknown", "exit code 1"),
        (failed(report=RED), "verification", "3 tests, 1 failures, 0 errors"),
        (failed(report=GREEN), "unknown", "exit code 1"),
        (failed(report=RED, why="wall", exit_code=-1), "timeout", "stopped: wall"),
        (failed(why="wall", exit_code=-1), "timeout", "stopped: wall"),
        (failed(report=RED, why="oom", exit_code=-1), "unknown", "stopped: oom"),
        (failed(why="asteroid", exit_code=-1), "unknown", "stopped: asteroid"),
        (
            Done("rec", "failed", {"error": "no such branch", "next": "push it"}),
            "unknown",
            "no such branch",
        ),
        (Done("rec", "failed", "text"), "unknown", "exit code None"),
    ],
)
async def test_a_failure_has_its_class_and_says_what_ended_it(result, error, note):
    ended = await end_with(FakeLeg({}), result)
    assert (ended.state, ended.error) == (State.FAILED, error)
    assert ended.note.startswith(note)


async def test_what_to_do_about_a_failure_stands_apart():
    ended = await end_with(FakeLeg({}), Done("rec", "failed", {"error": "no such branch", "next": "push it"}))
    assert (ended.note, ended.hint) == ("no such branch", "push it")


@pytest.mark.parametrize(("names", "told"), [([], ""), ([""], ""), (["a b", ""], " (a b)")])
def test_lines_that_are_no_outputs_are_told_by_the_names_that_they_have(names, told):
    noted = _describe_unread({"unread_outputs": {"lines": 1, "names": names}})
    assert noted == f"1 line of the output file was not read{told}: write NAME=value"


async def test_a_wait_says_until_when():
    clock = FrozenClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    leg = FakeLeg({"duration_s": 600}, SimpleNamespace(clock=clock), started_at=clock.now())
    assert (await perform_wait(leg)).note == "until 2026-03-01T12:10:00Z"


async def test_a_success_hands_on_its_value():
    ended = await end_with(FakeLeg({}), Done("rec", "succeeded", {"commit": "c"}))
    assert (ended.state, ended.output, ended.error) == (State.SUCCEEDED, {"commit": "c"}, "")


async def test_a_denial_names_its_rule():
    ended = await end_with(FakeLeg({}), Denied("rec", "git.push.unknown-commit", "Nobody made it here."))
    assert (ended.state, ended.error) == (State.DENIED, "policy-evaluation")
    assert ended.note == "git.push.unknown-commit: Nobody made it here."


async def test_an_unknown_outcome_stays_unknown():
    ended = await end_with(FakeLeg({}), Unknown("rec", "nobody can tell"))
    assert (ended.state, ended.note) == (State.UNKNOWN, "nobody can tell")


@pytest.mark.parametrize(
    ("run", "step", "agent", "account", "chosen"),
    [
        ("run", "step", "agent", "account", "run"),
        ("", "step", "agent", "account", "step"),
        ("", None, "agent", "account", "agent"),
        ("", None, "", "account", "account"),
    ],
)
def test_the_nearest_name_of_a_model_wins(run, step, agent, account, chosen):
    leg = leg_with_models(run, step, account)
    assert choose_model(leg, agent) == chosen


def test_without_any_model_the_step_says_where_one_could_be_named():
    with pytest.raises(InputError, match="no model is named for a/b") as raised:
        choose_model(leg_with_models("", None, ""), "")
    assert (raised.value.reason, raised.value.where) == ("no-model", "p.yaml:3:5")


def leg_with_models(run, step, account):
    return FakeLeg(
        {"model": step},
        bench=SimpleNamespace(model=account),
        execution=SimpleNamespace(options={"model": run}),
        step=SimpleNamespace(place="p.yaml:3:5"),
    )


def test_the_action_that_is_asked_for_is_the_one_that_is_performed():
    body = {"uses": "git.push", "with": {"commit": "c" * 40, "branch": "main"}}
    asking, doing = (leg_of(path) for path in ("approval/release", "ship/push"))
    asked, done = (tool_action(leg, body, path="ship/push") for leg in (asking, doing))
    assert (asked.digest, asked.boundary.push) == (done.digest, ("main",))


def leg_of(path):
    execution = SimpleNamespace(id="exe_1", initiator="user:ana", options={})
    return FakeLeg({}, path=path, execution=execution, token=SimpleNamespace(secret=""))


def test_an_approval_that_is_for_no_step_has_no_target():
    assert target_path({"with": {"message": "m", "for": None}}) == ""


@pytest.mark.parametrize(
    ("text", "state", "error"),
    [
        ('{"verdict": "good"}', State.SUCCEEDED, ""),
        ('{"verdict": "fine"}', State.FAILED, "verification"),
        ("It went well.", State.FAILED, "verification"),
    ],
)
def test_an_agent_ends_as_its_outputs_fit_what_its_file_declares(text: str, state: State, error: str) -> None:
    file = "agent: {with: {prompt: Look}, outputs: {verdict: {enum: [good, bad]}}}"
    definition = parse_agent(file, file="a.yaml", name="acme.a", version="1.0.0", owner="acme")
    ended = end_with_outputs(definition, {"text": text})
    assert (ended.state, ended.error) == (state, error)
    assert (ended.output is None) == (state is State.FAILED)
    assert ("verdict" in ended.note) == (state is State.FAILED)


@pytest.mark.parametrize(("options", "case"), [({"case": "cas_1"}, "cas_1"), ({}, "")])
def test_an_action_of_a_step_is_for_the_case_of_its_execution_and_so_is_its_childrens(options, case):
    execution = SimpleNamespace(id="exe_1", initiator="user:ana", options=options)
    leg = FakeLeg({}, execution=execution, token=SimpleNamespace(secret="brt_x"))  # noqa: S106 - no token
    action = step_action(leg, "git.push", {}, boundary=Boundary())
    assert (action.case, inherited(options).get("case", "")) == (case, case)
