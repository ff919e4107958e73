"""The checks as a whole: none crashes another, none is waited for without end, no key is shown."""

import threading
from pathlib import Path

import pytest

from bridle.core.errors import InputError, UnavailableError
from bridle.core.settings import Settings
from bridle.surfaces.cli.checks import Check, State, run_checks, worst_state
from bridle.surfaces.cli.checks_parts import check_model

FINE = Check("fine", State.OK, "as it should be")


def settings(model=""):
    nowhere = Path("/nowhere")
    return Settings(nowhere, nowhere, nowhere, "sqlite:////nowhere/bridle.db", model)


def run(limit_s=5.0, **looks):
    return run_checks(looks, settings(), limit_s=limit_s)


def raising(error):
    def look(_):
        raise error

    return look


def test_a_check_that_raises_fails_with_its_message_and_leaves_the_others_alone():
    broken, fine = run(broken=raising(KeyError("lost")), fine=lambda _: [FINE])
    assert (broken.name, broken.state, fine) == ("broken", State.FAIL, FINE)
    assert "KeyError: 'lost'" in broken.found


def test_an_error_of_ours_brings_place_and_next_step():
    error = UnavailableError("the store does not answer", where="postgresql://x", hint="start it")
    (check,) = run(store=raising(error))
    assert check == Check("store", State.FAIL, "postgresql://x: the store does not answer", "start it")


def test_a_missing_permission_is_not_called_a_bug_of_ours():
    (check,) = run(data=raising(PermissionError(13, "Permission denied", "/root/x")))
    assert check.state is State.FAIL
    assert "/root/x" in check.found
    assert "bug" not in check.fix


def test_a_check_that_hangs_fails_and_is_not_waited_for():
    release = threading.Event()
    hangs, fine = run(limit_s=0.2, hangs=lambda _: release.wait(60), fine=lambda _: [FINE])
    release.set()
    assert hangs.state is State.FAIL
    assert "no answer within 0.2 s" in hangs.found
    assert fine == FINE


def test_a_check_that_finds_nothing_has_failed():
    (check,) = run(empty=lambda _: [])
    assert check.state is State.FAIL


def test_they_are_told_in_the_order_of_the_table():
    later, soon = threading.Event(), Check("second", State.OK, "")

    def first(_):
        later.wait(5)
        return [Check("first", State.OK, "")]

    def second(_):
        later.set()
        return [soon]

    assert [check.name for check in run(first=first, second=second)] == ["first", "second"]


@pytest.mark.parametrize(
    ("states", "worst"),
    [(["ok"], "ok"), (["ok", "warn"], "warn"), (["fail", "warn", "ok"], "fail"), ([], "ok")],
)
def test_the_worst_state_counts(states, worst):
    assert worst_state([Check("x", State(state), "") for state in states]) == worst


def test_a_model_whose_key_is_there_is_ready_and_the_key_is_not_shown():
    (check,) = check_model(settings("anthropic:some-model"), {"ANTHROPIC_API_KEY": "sk-planted-0123"})
    assert check.state is State.OK
    assert "env:ANTHROPIC_API_KEY" in check.found
    assert "planted" not in str(check)


def test_a_model_without_its_key_fails_and_names_the_variable():
    (check,) = check_model(settings("openai:gpt-5"), {"ANTHROPIC_API_KEY": "sk-planted-0123"})
    assert check.state is State.FAIL
    assert check.fix == "export OPENAI_API_KEY=…"


def test_an_empty_key_is_none():
    (check,) = check_model(settings("openai:gpt-5"), {"OPENAI_API_KEY": ""})
    assert check.state is State.FAIL


def test_an_endpoint_of_ones_own_may_do_without_a_key():
    (check,) = check_model(settings("openai:small@http://127.0.0.1:9/v1"), {})
    assert (check.state, check.fix) == (State.OK, "")


@pytest.mark.parametrize("region", [{}, {"AWS_REGION": "eu-west-1"}])
def test_bedrock_needs_a_region_beside_its_keys(region):
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    (check,) = check_model(settings("bedrock:some.model"), keys | region)
    assert check.state is (State.OK if region else State.FAIL)


def test_half_of_bedrocks_keys_are_none():
    (check,) = check_model(settings("bedrock:some.model"), {"AWS_ACCESS_KEY_ID": "a", "AWS_REGION": "x"})
    assert check.state is State.FAIL


def test_a_name_that_names_no_model_is_bad_input():
    with pytest.raises(InputError):
        check_model(settings("gpt-5"), {})
