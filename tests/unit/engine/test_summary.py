"""What an execution has come to, folded from hand-made records."""

import json
from dataclasses import replace

from bridle.core.states import State
from bridle.engine.summary import summarise
from bridle.engine.views import elapsed_s
from bridle.engine.wording import describe_target
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind


def fold(execution, records):
    summary = summarise(execution, records.all)
    return summary, {step.path: step for steps in summary.stages.values() for step in steps}


def ask(records, topic="ship/push"):
    return records.add(
        Kind.APPROVAL_REQUESTED,
        "apr_1",
        action="a",
        tool="git.push",
        topic=topic,
        message="Ship it?",
        rests_on={},
        expires_at="2026-03-02T12:00:00.000000Z",
    )


def test_before_anything_happened_every_step_is_pending(execution, records):
    summary, steps = fold(execution, records)
    assert {path: step.state for path, step in steps.items()} == {
        "repair/fix": State.PENDING,
        "ship/push": State.PENDING,
    }
    assert (summary.state, elapsed_s(summary, until="2026-03-01T12:00:00.000000Z")) == (State.RUNNING, 0.0)


def test_a_step_has_the_state_note_and_output_of_its_end(execution, records):
    records.add(Kind.STEP_STARTED, "repair/fix", principal="agent:test.helper")
    records.add(
        Kind.STEP_ENDED, "repair/fix", state="failed", note="exit code 1", ignored=False, output={"a": 1}
    )
    _, steps = fold(execution, records)
    step = steps["repair/fix"]
    assert (step.state, step.note, step.output) == (State.FAILED, "exit code 1", {"a": 1})


def test_a_stage_that_was_left_out_says_so_of_its_steps(execution, records):
    records.add(Kind.BLOCK_ENDED, "ship", state="skipped", note="condition not met", left_out=True)
    _, steps = fold(execution, records)
    assert (steps["ship/push"].state, steps["ship/push"].note) == (State.SKIPPED, "condition not met")


def test_a_denial_is_refused_with_its_rule_and_target(execution, records):
    records.decided("repair/fix#1.1", "file.edit", "deny", rule="path.protected", path="tests/a.py")
    summary, steps = fold(execution, records)
    (refused,) = summary.refused
    assert (refused.rule, refused.target, refused.step) == ("path.protected", "tests/a.py", "repair/fix")
    assert refused in steps["repair/fix"].actions


def test_an_action_that_was_asked_and_then_allowed_is_shown_once_as_it_stands(execution, records):
    for effect in ("ask", "allow"):
        records.decided("ship/push#0.0", "git.push", effect, by="user:ana", branch="main")
    summary, _ = fold(execution, records)
    assert [action.effect for action in summary.actions] == ["allow"]


def test_a_command_of_an_agent_that_failed_was_stopped_with_its_last_words(execution, records):
    records.decided("repair/fix#1.1", "command.run", script="curl example.org")
    value = {"exit_code": 6, "why": "exit", "stdout": "", "stderr": "a\ncould not resolve host\n"}
    records.outcome("repair/fix#1.1", "command.run", value, "failed")
    summary, _ = fold(execution, records)
    assert [(item.target, item.note) for item in summary.stopped] == [
        ("curl example.org", "could not resolve host")
    ]


def test_a_red_suite_is_a_result_and_not_something_stopped(execution, records):
    records.decided("repair/fix#1.1", "command.run", script="make test")
    value = {"exit_code": 1, "why": "exit", "report": {"tests": 3, "failures": 1, "errors": 0}}
    records.outcome("repair/fix#1.1", "command.run", value, "failed")
    assert fold(execution, records)[0].stopped == []


def test_a_command_that_ran_too_long_was_stopped_whatever_it_had_reported(execution, records):
    records.decided("repair/fix#1.1", "command.run", script="make test")
    value = {"exit_code": -1, "why": "wall", "report": {"tests": 3, "failures": 0, "errors": 0}}
    records.outcome("repair/fix#1.1", "command.run", value, "failed")
    assert [item.note for item in fold(execution, records)[0].stopped] == ["stopped: wall"]


def test_a_failed_command_of_the_pipeline_itself_is_not_called_stopped(execution, records):
    records.decided("repair/fix#0.0", "command.run", by="user:ana", script="exit 1")
    records.outcome("repair/fix#0.0", "command.run", {"exit_code": 1}, "failed", by="user:ana")
    assert fold(execution, records)[0].stopped == []


def test_a_verification_made_for_an_action_has_a_place_of_its_own_in_the_step(execution, records):
    records.decided("repair/fix#1.1/verify", "workspace.verify", by="service:bridle", tree="sha256:t")
    summary, _ = fold(execution, records)
    assert [(action.step, action.target) for action in summary.actions] == [("repair/fix", "sha256:t")]


def test_a_request_makes_its_step_wait_and_holds_no_verdict(execution, records):
    ask(records)
    summary, steps = fold(execution, records)
    assert (steps["ship/push"].state, summary.approvals[0]["verdict"]) == (State.WAITING, "")


def test_a_request_does_not_wake_a_step_that_has_ended(execution, records):
    records.add(Kind.STEP_ENDED, "ship/push", state="denied", note="", ignored=False, output=None)
    ask(records)
    assert fold(execution, records)[1]["ship/push"].state is State.DENIED


def test_a_verdict_says_who_gave_it_and_whether_only_the_system_vouches(execution, records):
    ask(records)
    records.add(
        Kind.APPROVAL_VERDICT,
        "apr_1",
        approval="apr_1",
        action="a",
        verdict="approved",
        by="user:ana",
        name="Ana",
        asserted=True,
        comment="",
    )
    (approval,) = fold(execution, records)[0].approvals
    assert {name: approval[name] for name in ("verdict", "by", "name", "asserted")} == {
        "verdict": "approved",
        "by": "user:ana",
        "name": "Ana",
        "asserted": True,
    }


def test_a_verdict_signed_by_a_person_is_theirs_not_the_account_s(execution, records):
    ask(records)
    said = {"verdict": "approved", "name": "ana", "asserted": False}
    records.add(Kind.APPROVAL_VERDICT, "apr_1", by="user:root", person={"name": "ana"}, **said)
    (approval,) = fold(execution, records)[0].approvals
    assert (approval["by"], approval["approvers"]) == ("person:ana", ["person:ana"])


def test_models_are_named_once_and_played_turns_are_said_to_be(execution, records):
    for turn in range(2):
        records.decided(f"repair/fix#{turn}.0", "model.call", model="recorded:turns.json")
    summary, _ = fold(execution, records)
    assert (summary.models, summary.played) == (["recorded:turns.json"], True)


def test_a_model_that_was_asked_is_not_called_played(execution, records):
    records.decided("repair/fix#0.0", "model.call", model="openai:gpt-5")
    assert fold(execution, records)[0].played is False


def test_the_end_gives_state_and_time(execution, records):
    records.add(Kind.EXECUTION_STARTED, "exe_1", sandbox={"backend": "bubblewrap"})
    records.add(Kind.EVIDENCE_ISSUED, "exe_1", predicate="sha256:p")
    records.add(Kind.EXECUTION_ENDED, "exe_1", state="succeeded", evidence="rec_1")
    summary, _ = fold(execution, records)
    assert (summary.state, summary.evidence, elapsed_s(summary, until="")) == (State.SUCCEEDED, "rec_1", 2.0)
    assert summary.sandbox == {"backend": "bubblewrap"}


def test_a_summary_is_json_whatever_it_holds(execution, records):
    ask(records)
    records.decided("repair/fix#1.1", "file.edit", "deny", path="a")
    document = json.loads(json.dumps(fold(execution, records)[0].to_json()))
    assert document["stages"]["ship"][0]["state"] == "waiting"
    assert document["refused"][0]["tool"] == "file.edit"


def test_a_target_is_one_short_line():
    assert describe_target({"script": "a\n  b\n" + "c" * 200}) == ("a; b; " + "c" * 200)[:80]
    assert describe_target({"script": "import errno\ntry:\n  open('x')\n"}) == "open('x')"
    assert describe_target({"timeout_s": 3}) == ""


def test_cells_and_attempts_are_listed_where_the_plan_has_their_step(execution, records):
    text = """
pipeline:
  id: p
  stages:
    - id: s
      steps:
        - {id: a, strategy: {for: 11}, run: make}
        - {id: b, run: make}
        - {id: c, run: make}
"""
    planned = replace(execution, plan=read_pipeline(text, source="p").to_json())
    for path in ("s/c", "s/b~2", "s/b", "s/a_10", "s/a_2"):
        records.add(Kind.STEP_STARTED, path, principal="user:ana")
    summary = summarise(planned, records.all)
    assert [step.path for step in summary.stages["s"]] == ["s/a_2", "s/a_10", "s/b", "s/b~2", "s/c"]


def test_each_step_that_calls_a_model_has_its_own_cost(execution, records):
    for path, tokens in (("repair/fix_0", 10), ("repair/fix_1", 7)):
        records.add(Kind.STEP_STARTED, path, principal="agent:a")
        usage = {"usage": {"input_tokens": tokens, "output_tokens": 1}, "cost_usd": "0.5", "priced": "list"}
        key = f"exe_1/{path}#1"
        records.add(Kind.OUTCOME, key, tool="model.call", status="succeeded", value={}, facts=usage)
    summary = summarise(execution, records.all)
    costs = {step.path: step.cost.get("tokens") for step in summary.stages["repair"] if step.cost}
    assert (costs, summary.cost["tokens"]) == ({"repair/fix_0": 11, "repair/fix_1": 8}, 19)


def test_an_action_that_is_a_loop_says_which_time_it_is_and_one_that_is_none_does_not(execution, records):
    for place, times in (("ship/push#0.0", 3), ("repair/fix#0.0", 2)):
        records.decided(place, "git.push", "ask", facts={"loop": {"times": times, "limit": 3}}, branch="main")
    summary, _ = fold(execution, records)
    assert [(action.step, action.time) for action in summary.repeated] == [("ship/push", 3)]


LOOPS = """
pipeline:
  id: p
  stages:
    - id: s
      steps:
        - {id: a, strategy: {matrix: {n: [1, 2, 3]}}, group: {steps: [{id: x, run: make}]}}
        - {id: w, strategy: {while: {iterations: 9, condition: "true"}}, run: make}
    - {id: ship, strategy: {matrix: {n: [1, 2]}}, steps: [{id: go, run: make}]}
    - {id: last, steps: [{id: y, run: make}]}
"""


def list_states(execution, records):
    """Return the state and the note of every node that is shown, by stage."""
    planned = replace(execution, plan=read_pipeline(LOOPS, source="p").to_json())
    summary = summarise(planned, records.all)
    return {
        stage: {step.path: (str(step.state), step.note) for step in steps}
        for stage, steps in summary.stages.items()
    }


def begin_cells(records, path, count):
    records.add(Kind.BLOCK_STARTED, path, count=count, cells=[{}] * count, max_parallel=1)


def test_a_strategy_is_shown_as_one_node_until_its_cells_are_known(execution, records):
    pending = ("pending", "")
    assert list_states(execution, records) == {
        "s": {"s/a": pending, "s/w": pending},
        "ship": {"ship": pending},
        "last": {"last/y": pending},
    }
    begin_cells(records, "ship", 2)
    records.add(Kind.STEP_STARTED, "s/w_0", principal="user:ana")
    shown = list_states(execution, records)
    assert (list(shown), list(shown["s"])) == (["s", "ship_0", "ship_1", "last"], ["s/a", "s/w_0"])


def test_a_strategy_that_failed_before_its_cells_is_shown_with_its_note(execution, records):
    records.add(Kind.BLOCK_ENDED, "s/a", state="failed", note="too many", left_out=True)
    assert list_states(execution, records)["s"]["s/a"] == ("failed", "too many")


def test_a_strategy_without_cells_says_so(execution, records):
    begin_cells(records, "s/a", 0)
    assert list_states(execution, records)["s"]["s/a"] == ("skipped", "no cells")


def test_cells_that_a_failed_one_kept_from_beginning_are_skipped(execution, records):
    begin_cells(records, "s/a", 3)
    records.add(Kind.STEP_ENDED, "s/a_0/x", state="failed", note="", ignored=False, output=None)
    records.add(Kind.BLOCK_ENDED, "s/a", state="failed", note="", output=None)
    states = [state for state, _ in list_states(execution, records)["s"].values()]
    assert states == ["failed", "skipped", "skipped", "pending"]


def test_a_cell_that_was_left_out_says_so_of_its_steps(execution, records):
    begin_cells(records, "ship", 2)
    records.add(Kind.BLOCK_ENDED, "ship_1", state="skipped", note="condition not met", left_out=True)
    assert list_states(execution, records)["ship_1"] == {"ship_1/go": ("skipped", "condition not met")}


def test_what_ended_without_a_step_to_show_is_shown_itself(execution, records):
    records.add(Kind.BLOCK_ENDED, "s/g~2", state="failed", note="why", left_out=True)
    assert list_states(execution, records)["s"]["s/g~2"] == ("failed", "why")
