"""Rolled out, rolled back, rolled out again by another execution: the third time a person is asked, and is shown why."""

import json

import pytest

from integration.surfaces.test_compensation import AGENT, PIPELINE, TURNS, Origin, decide

PUSH = "with: {commit: <+stages.repair.steps.fix.output.commit>, branch: main}}"
RETRY = {
    "errors": ["all"],
    "action": {"retry": {"attempts": 3, "interval": "1s", "failure-action": "ignore"}},
}


@pytest.fixture
def origin(home):
    """An origin in which the bug is, an agent that repairs it, and a pipeline that ships the repair and then fails."""
    made = Origin(home.root / "origin.git")
    made.commit("bad\n", clone=home.root / "clone")
    folder = home.root / "agents" / "acme.fixer"
    folder.mkdir(parents=True)
    (folder / "1.0.0.md").write_text(AGENT)
    pipeline = PIPELINE.replace("ORIGIN", str(made.path)).replace(
        PUSH, f"{PUSH}, on-failure: {json.dumps(RETRY)}"
    )
    (home.root / "pipeline.yaml").write_text(pipeline)
    return made


def run(home, message, *words, **environ):
    """Run the pipeline; the agent makes the same change with another message, so that the commit is another."""
    turns = json.dumps(TURNS).replace('"message": "Fix"', json.dumps({"message": message})[1:-1])
    (home.root / "turns.yaml").write_text(turns)
    return home.bridle_json("run", "pipeline.yaml", "--model", "scripted:turns.yaml", *words, **environ)[1]


@pytest.fixture
def rolled_back(home, origin):
    """Two executions that shipped the same change and were rolled back."""
    executions, tips = [], set()
    for time in ("09:00", "12:00"):
        found = run(home, f"Fix, 2026-11-21T{time}Z", "--approve-as", "ana")
        tips.add(origin.tip)
        assert decide(home, found["execution"])["state"] == "succeeded"
        executions.append(found["execution"])
    assert len(tips) == 2
    return executions


def test_the_third_rollout_asks_shows_the_others_and_a_refusal_is_not_retried(home, origin, rolled_back):
    before = origin.tip
    found = run(home, "Fix, 2026-11-21T15:00Z")
    (asked,) = found["waiting"]
    assert "loop.same-change" in [rule["rule"] for rule in asked["shown"]["rules"]]
    shown = [(deed["tool"], deed["same"]) for deed in asked["shown"]["loop"]["before"]]
    assert shown == [("git.push", True), ("git.restore", False)] * 2
    text = home.bridle("executions", found["execution"]).stdout
    assert "The same change again:\n  time 3" in text
    assert all(execution in text for execution in rolled_back)
    assert "loop.same-change" in home.bridle("logs", found["execution"]).stdout
    home.bridle("deny", asked["id"], "--as", "ana", "--comment", "it goes in circles")
    ended = home.bridle_json("executions", found["execution"])[1]
    assert (ended["state"], origin.tip) == ("denied", before)
    assert [step["path"] for step in ended["stages"]["ship"]] == ["ship/push", "ship/check"]
    assert home.bridle("audit", "verify").returncode == 0
    (changes,) = (
        one for one in home.bridle_json("limits")[1]["limits"] if one["limit"] == "changes-an-agent"
    )
    assert [used["used"] for used in changes["used"]] == ["4"]
    code, problem = home.bridle_json("limits", "--close", "brk_1", "--reason", "it is well again")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:not-open")


def test_the_account_says_from_which_time_on_and_within_which_time(home, origin):
    found = run(home, "Fix", "--approve-as", "ana")
    decide(home, found["execution"])
    rules = {}
    for window in ("24h", "1s"):
        found = run(home, "Fix again", BRIDLE_LOOP_LIMIT="2", BRIDLE_LOOP_WINDOW=window)
        rules[window] = [rule["rule"] for rule in found["waiting"][0]["shown"]["rules"]]
    assert rules == {
        "24h": ["git.push.needs-approval", "loop.same-change"],
        "1s": ["git.push.needs-approval"],
    }


def test_what_somebody_takes_back_outside_bridle_counts_as_well(home, origin):
    before = origin.tip
    for message in ("Fix", "Fix again"):
        run(home, message, "--approve-as", "ana")
        assert origin.tip != before
        origin.reset(before)
    found = run(home, "Fix once more")
    assert "loop.same-change" in [rule["rule"] for rule in found["waiting"][0]["shown"]["rules"]]


def test_a_window_that_is_no_time_is_refused_before_anything_runs(home, origin):
    found = run(home, "Fix", BRIDLE_LOOP_WINDOW="never")
    assert (found["instance"], found["status"]) == ("BRIDLE_LOOP_WINDOW", 400)
