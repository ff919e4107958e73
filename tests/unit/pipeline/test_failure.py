"""Which action follows a failure: the nearest level, the first rule, and what is never forgiven."""

import pytest

from bridle.core.states import State
from bridle.pipeline.failure import FailureAction, FailureRule, choose_action


def rules(*named):
    return tuple(FailureRule(tuple(errors.split()), FailureAction(action)) for errors, action in named)


@pytest.mark.parametrize(
    ("error", "levels", "reaction"),
    [
        ("verification", (rules(("verification", "ignore")),), "ignore"),
        ("timeout", (rules(("verification", "ignore")),), "fail"),
        ("timeout", (rules(("verification", "abort"), ("all", "ignore")),), "ignore"),
        ("verification", (rules(("verification", "abort"), ("all", "ignore")),), "abort"),
        ("verification", (rules(("all", "fail")), rules(("all", "ignore"))), "fail"),
        ("timeout", (rules(("verification", "ignore")), rules(("timeout", "abort"))), "abort"),
        ("timeout", ((), (), rules(("all", "pipeline-rollback"))), "pipeline-rollback"),
        ("verification", (), "fail"),
    ],
)
def test_the_nearest_level_and_its_first_rule_decide(error, levels, reaction):
    assert choose_action(levels, state=State.FAILED, error=error, attempt=1).reaction == reaction


@pytest.mark.parametrize("state", [State.DENIED, State.UNKNOWN])
@pytest.mark.parametrize("action", ["ignore", "success", "retry", "retry-step-group", "proceed-with-default"])
def test_a_denial_and_an_unknown_outcome_are_never_forgiven_or_tried_again(state, action):
    found = choose_action((rules(("all", action)),), state=state, error="unknown", attempt=0)
    assert found.reaction == "fail"


@pytest.mark.parametrize("state", [State.DENIED, State.UNKNOWN])
def test_a_person_cannot_forgive_them_either(state):
    manual = FailureAction("manual-intervention", offers=("success", "ignore", "retry", "abort"))
    found = choose_action(((FailureRule(("all",), manual),),), state=state, error="unknown", attempt=1)
    assert found.offers == ("abort",)


def test_attempts_are_counted_and_then_the_next_action_follows():
    retry = FailureAction("retry", attempts=2, then=FailureAction("ignore"))
    levels = ((FailureRule(("all",), retry),),)
    found = [choose_action(levels, state=State.FAILED, error="x", attempt=n).reaction for n in (1, 2, 3)]
    assert found == ["retry", "retry", "ignore"]


def test_the_last_interval_repeats():
    retry = FailureAction("retry", attempts=4, intervals_s=(10, 60))
    assert [retry.interval_s(attempt) for attempt in (1, 2, 3)] == [10, 60, 60]


def test_defaults_stand_in_only_for_an_approval_that_nobody_answered():
    levels = (rules(("all", "proceed-with-default")),)
    found = [
        choose_action(levels, state=State.EXPIRED, error=error, attempt=1).reaction
        for error in ("input-timeout", "timeout")
    ]
    assert found == ["proceed-with-default", "fail"]


@pytest.mark.parametrize(
    ("group_attempt", "reaction"), [(1, "retry-step-group"), (2, "abort"), (None, "abort")]
)
def test_a_group_is_tried_again_as_often_as_the_group_was_not_the_step(group_attempt, reaction):
    again = FailureAction("retry-step-group", attempts=1, then=FailureAction("abort"))
    levels = ((FailureRule(("timeout",), again),),)
    chosen = choose_action(
        levels, state=State.FAILED, error="timeout", attempt=9, group_attempt=group_attempt
    )
    assert chosen.reaction == reaction


def test_a_block_is_no_step_that_could_be_tried_again():
    levels = ((FailureRule(("all",), FailureAction("retry", attempts=5, then=FailureAction("ignore"))),),)
    assert choose_action(levels, state=State.FAILED, error="timeout", attempt=None).reaction == "ignore"
