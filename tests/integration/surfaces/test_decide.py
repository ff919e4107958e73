"""A failed step waits for a person's decision, and the command line gives it."""

import pytest

PIPELINE = """
pipeline:
  id: fragile
  stages:
    - id: build
      steps:
        - id: make
          run: {script: exit 3}
          on-failure: {errors: all, action: {manual-intervention: {timeout: 7d, available-actions: [ignore, abort]}}}
        - {id: next, run: {script: 'true'}}
"""


@pytest.fixture
def waiting(home):
    """The id of an execution that waits for a decision, and what its run printed."""
    (home.root / "pipeline.yaml").write_text(PIPELINE)
    done = home.bridle("run", "pipeline.yaml", "--no-input")
    return home.bridle_json("executions")[1][0]["execution"], done


def test_a_run_ends_where_a_person_decides_and_says_how(home, waiting):
    execution, done = waiting
    assert (done.returncode, f"bridle decide {execution} build/make ignore" in done.stderr) == (6, True), done
    (row,) = home.bridle_json("executions")[1]
    assert (row["state"], row["waits_for"]) == ("waiting", ["build/make"])
    assert (
        "waits for a person to decide about build/make: ignore, abort"
        in home.bridle("logs", execution).stdout
    )


def test_what_is_offered_is_listed_and_a_wrong_path_is_told_the_right_one(home, waiting):
    execution, _ = waiting
    command = f"bridle decide {execution} build/make ignore"
    assert command in home.bridle("executions", execution).stdout
    assert command in home.bridle("approvals").stdout
    (listed,) = home.bridle_json("approvals")[1]
    assert (listed["kind"], listed["step"]) == ("intervention", "build/make")
    assert listed["offers"] == ["ignore", "abort"]
    code, problem = home.bridle_json("decide", execution, "build/mak", "ignore")
    assert (code, "asked about build/make" in str(problem)) == (2, True), problem


def test_a_decision_carries_it_on_once(home, waiting):
    execution, _ = waiting
    code, problem = home.bridle_json("decide", execution, "build/make", "success")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:not-offered")
    code, found = home.bridle_json("decide", execution, "build/make", "ignore", "--comment", "known")
    assert (code, found["state"], found["interventions"][0]["answer"]) == (0, "succeeded", "ignore"), found[
        "stages"
    ]
    code, problem = home.bridle_json("decide", execution, "build/make", "abort")
    assert (code, problem["type"]) == (2, "urn:bridle:problem:not-open")
    assert "decided ignore" in home.bridle("logs", execution).stdout
    assert home.bridle("audit", "verify").returncode == 0
