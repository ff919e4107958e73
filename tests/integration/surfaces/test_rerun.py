"""An ended execution once more: the recorded plan, whole or from the stage that failed."""

import json

import pytest

PIPELINE = """
pipeline:
  id: build
  inputs: {name: {type: string, default: first}}
  stages:
    - id: make
      steps:
        - {id: write, run: {script: "echo <+inputs.name> > made; echo VALUE=7 >> $HARNESS_OUTPUT"}}
    - id: check
      steps:
        - {id: look, run: {script: "cat made; echo value <+stages.make.steps.write.output.VALUE>; echo dirt >> made; exit 1"}}
"""


@pytest.fixture
def failed(home):
    """An execution whose second stage has failed, and whose file says something else by now."""
    (home.root / "pipeline.yaml").write_text(PIPELINE)
    code, found = home.bridle_json("run", "pipeline.yaml")
    assert (code, found["state"]) == (4, "failed")
    (home.root / "pipeline.yaml").write_text("pipeline: {id: other, stages: []}")
    return found["execution"]


def steps_of(found):
    return {step["path"]: step for steps in found["stages"].values() for step in steps}


def test_a_rerun_runs_the_recorded_plan_with_an_input_that_differs(home, failed):
    code, found = home.bridle_json("rerun", failed, "--input", "name=second")
    assert (code, found["pipeline"]) == (4, "build")
    assert steps_of(found)["check/look"]["output"]["stdout"].startswith("second\n")
    started = json.loads(home.bridle("logs", found["execution"], "--json").stdout)[0]
    assert started["body"]["options"]["rerun_of"] == failed


def test_from_a_stage_what_stood_before_it_is_reused_and_nothing_of_it_is_done_again(home, failed):
    code, found = home.bridle_json("rerun", failed, "--from", "check")
    steps = steps_of(found)
    assert (code, steps["make/write"]["state"], steps["make/write"]["actions"]) == (4, "succeeded", [])
    assert f"reused from {failed}" in steps["make/write"]["note"]
    assert steps["check/look"]["output"]["stdout"] == "first\nvalue 7\n"
    again = steps_of(home.bridle_json("rerun", found["execution"], "--from", "check")[1])
    assert again["check/look"]["output"]["stdout"] == "first\nvalue 7\n"
    assert home.bridle("audit", "verify").returncode == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--from", "nowhere"), "no-such-stage"),
        (("--from", "check", "--input", "name=x"), "inputs-with-from"),
    ],
)
def test_what_cannot_be_rerun_is_refused_with_the_reason(home, failed, words, reason):
    code, problem = home.bridle_json("rerun", failed, *words)
    assert (code, problem["type"]) == (2, f"urn:bridle:problem:{reason}")


def test_a_stage_that_did_not_succeed_is_never_reused(home):
    text = PIPELINE + "    - {id: last, steps: [{id: end, run: {script: 'true'}}]}\n"
    (home.root / "pipeline.yaml").write_text(text)
    _, found = home.bridle_json("run", "pipeline.yaml")
    code, problem = home.bridle_json("rerun", found["execution"], "--from", "last")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:stage-not-succeeded")


def test_the_cells_of_a_stage_are_reused_with_it(home):
    cells = "    - id: make\n      strategy: {matrix: {x: [a, b]}}\n"
    text = PIPELINE.replace("    - id: make\n", cells).replace("cat made; echo value", "echo")
    text = text.replace(
        "<+stages.make.steps.write.output.VALUE>", "<+stages.make_1.steps.write.output.VALUE>"
    )
    (home.root / "pipeline.yaml").write_text(text)
    found = home.bridle_json("run", "pipeline.yaml")[1]
    assert steps_of(found)["check/look"]["output"]["stdout"] == "7\n"
    again = home.bridle_json("rerun", found["execution"], "--from", "check")[1]
    assert steps_of(again)["check/look"]["output"]["stdout"] == "7\n"
