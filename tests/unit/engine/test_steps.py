"""How answers of the gate become ends of steps: state, class of failure, and the words beside it."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.steps import end_with
from bridle.engine.steps.agent import choose_model
from bridle.engine.steps.approval import target_path
from bridle.engine.steps.tool import tool_action
from bridle.engine.worker import _is_ignored
from bridle.gate.action import Denied, Done, Unknown
from bridle.pipeline.plan import FailureRule

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
            "no such branch push it",
        ),
        (Done("rec", "failed", "text"), "unknown", "exit code None"),
    ],
)
async def test_a_failure_has_its_class_and_says_what_ended_it(result, error, note):
    ended = await end_with(FakeLeg({}), result)
    assert (ended.state, ended.error) == (State.FAILED, error)
    assert ended.note.startswith(note)


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
    execution = SimpleNamespace(id="exe_1", initiator="user:ana")
    return FakeLeg({}, path=path, execution=execution, token=SimpleNamespace(secret=""))


def test_an_approval_for_nothing_is_refused():
    with pytest.raises(InputError, match="does not say what it is for"):
        target_path({"with": {"message": "m", "for": None}})


def rules(*named):
    return tuple(FailureRule(tuple(errors.split()), action) for errors, action in named)


@pytest.mark.parametrize(
    ("error", "given", "ignored"),
    [
        ("verification", rules(("verification", "ignore")), True),
        ("timeout", rules(("verification", "ignore")), False),
        ("timeout", rules(("verification", "abort"), ("all", "ignore")), True),
        ("verification", rules(("verification", "abort"), ("all", "ignore")), False),
        ("verification", rules(("all", "fail")), False),
        ("verification", (), False),
    ],
)
async def test_the_first_rule_that_names_the_failure_decides(error, given, ignored):
    why = {"verification": {"report": RED}, "timeout": {"why": "wall"}}[error]
    ended = await end_with(FakeLeg({}), failed(**why))
    assert _is_ignored(ended, given) is ignored


@pytest.mark.parametrize("result", [Denied("r", "a.rule", "No."), Unknown("r", "nobody can tell")])
async def test_no_rule_ignores_a_denial_or_an_unknown_outcome(result):
    assert _is_ignored(await end_with(FakeLeg({}), result), rules(("all", "ignore"))) is False
