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


def run(home, message, *words):
    """Run the pipeline; the agent makes the same change with another message, so that the commit is another."""
    turns = json.dumps(TURNS).replace('"message": "Fix"', json.dumps({"message": message})[1:-1])
    (home.root / "turns.yaml").write_text(turns)
    return home.bridle_json("run", "pipeline.yaml", "--model", "scripted:turns.yaml", *words)[1]


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
