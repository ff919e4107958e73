"""The interpreter walks a plan as a pure function of what its steps returned."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.engine.interpreter import interpret
from bridle.pipeline.plan import Plan, Stage, Step

ENDS = ("succeeded", "failed", "skipped", "denied", "unknown", "waiting")


def plan(**stages):
    """A plan of stages, each with the names of its steps."""
    return Plan(
        "p",
        "p",
        stages=tuple(
            Stage(stage, stage, steps=tuple(Step(step, step, "run") for step in steps.split()))
            for stage, steps in stages.items()
        ),
    )


@dataclass
class FakeRun:
    """Records every operation in order. With `recorded` answers it never does the work: that is a replay."""

    recorded: list = field(default_factory=list)
    log: list = field(default_factory=list)
    answers: list = field(default_factory=list)

    async def step(self, name, work):
        self.log.append(("step", name))
        answer = self.recorded[len(self.answers)] if len(self.answers) < len(self.recorded) else await work()
        self.answers.append(answer)
        return answer

    async def wait(self, topic, *, timeout_s):
        self.log.append(("wait", topic, timeout_s))


@dataclass
class FakeWorker:
    """Answers from tables; what is in none succeeds. Notes what it was shown at each step and at the end."""

    stages: dict = field(default_factory=dict)
    steps: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)
    ended: dict = field(default_factory=dict)
    worked: list = field(default_factory=list)

    async def enter_stage(self, stage, progress):
        self.worked.append(stage.id)
        self.seen[stage.id] = progress.to_json()
        return {"state": self.stages.get(stage.id, "running")}

    async def run_step(self, stage, step, progress):
        path = f"{stage.id}/{step.id}"
        self.worked.append(path)
        self.seen[path] = progress.to_json()
        told = self.steps.get(path, ["succeeded"])
        state = told.pop(0) if len(told) > 1 else told[0]
        if state == "waiting":
            return {"state": "waiting", "topic": f"apr of {path}", "timeout_s": 5.0}
        state, _, ignored = state.partition(" ")
        return {"state": state, "note": "", "record": f"rec of {path}", "ignored": ignored == "ignored"}

    async def finish(self, progress):
        self.worked.append("end")
        self.ended = progress.to_json()
        return {"state": "failed" if progress.failed else "succeeded", "note": ""}


async def walk(of, worker, run=None):
    run = run or FakeRun()
    return await interpret(run, of, worker), run


async def test_stages_and_steps_go_in_their_order_and_the_end_comes_last():
    answer, run = await walk(plan(a="x y", b="z"), FakeWorker())
    assert answer == {"state": "succeeded", "note": ""}
    names = [name for _, name in run.log]
    assert names == ["a", "a/x#0", "a/y#0", "b", "b/z#0", "end"]


async def test_a_step_that_waits_is_run_again_as_its_next_leg():
    _, run = await walk(plan(a="x"), FakeWorker(steps={"a/x": ["waiting", "waiting", "succeeded"]}))
    assert run.log[1:-1] == [
        ("step", "a/x#0"),
        ("wait", "apr of a/x", 5.0),
        ("step", "a/x#1"),
        ("wait", "apr of a/x", 5.0),
        ("step", "a/x#2"),
    ]


async def test_a_step_sees_the_states_and_records_of_those_before_it():
    worker = FakeWorker()
    await walk(plan(a="x", b="y"), worker)
    assert worker.seen["a/x"]["steps"] == {}
    assert worker.seen["b/y"]["steps"] == {"a/x": {"state": "succeeded", "record": "rec of a/x"}}
    assert worker.seen["b/y"]["stages"] == {"a": "succeeded"}


async def test_a_failure_is_seen_by_the_rest_of_its_stage_and_by_every_later_stage():
    worker = FakeWorker(steps={"a/x": ["failed"]})
    answer, _ = await walk(plan(a="x y", b="z"), worker)
    assert (worker.seen["a/y"]["stage_failed"], worker.seen["b"]["failed"]) == (True, True)
    assert (worker.ended["stages"], answer["state"]) == ({"a": "failed", "b": "succeeded"}, "failed")


async def test_the_failure_of_a_stage_is_forgotten_in_the_next_that_of_the_pipeline_is_not():
    worker = FakeWorker(steps={"a/x": ["failed"]})
    await walk(plan(a="x", b="y"), worker)
    assert (worker.seen["b/y"]["stage_failed"], worker.seen["b/y"]["failed"]) == (False, True)


async def test_a_failure_that_is_ignored_fails_nothing():
    worker = FakeWorker(steps={"a/x": ["failed ignored"]})
    answer, _ = await walk(plan(a="x y"), worker)
    assert (worker.seen["a/y"]["stage_failed"], worker.ended["stages"]) == (False, {"a": "succeeded"})
    assert answer["state"] == "succeeded"


@pytest.mark.parametrize("state", ["denied", "unknown"])
async def test_a_denial_and_an_unknown_outcome_are_not_ignored_even_if_somebody_says_so(state):
    worker = FakeWorker(steps={"a/x": [f"{state} ignored"]})
    await walk(plan(a="x y"), worker)
    assert (worker.seen["a/y"]["stage_failed"], worker.ended["stages"]) == (True, {"a": state})


async def test_a_step_that_was_left_out_fails_nothing():
    worker = FakeWorker(steps={"a/x": ["skipped"]})
    answer, _ = await walk(plan(a="x"), worker)
    assert (answer["state"], worker.ended["stages"]) == ("succeeded", {"a": "succeeded"})


async def test_the_first_failure_names_the_state_of_its_stage():
    worker = FakeWorker(steps={"a/x": ["denied"], "a/y": ["failed"]})
    await walk(plan(a="x y"), worker)
    assert worker.ended["stages"] == {"a": "denied"}


async def test_a_stage_that_is_left_out_runs_no_step_and_fails_nothing():
    worker = FakeWorker(stages={"a": "skipped"})
    answer, _ = await walk(plan(a="x", b="y"), worker)
    assert worker.worked == ["a", "b", "b/y", "end"]
    assert (answer["state"], worker.ended["stages"]["a"]) == ("succeeded", "skipped")


async def test_a_stage_whose_condition_cannot_be_told_fails_the_pipeline_and_runs_no_step():
    worker = FakeWorker(stages={"a": "failed"})
    answer, _ = await walk(plan(a="x", b="y"), worker)
    assert "a/x" not in worker.worked
    assert (answer["state"], worker.seen["b"]["failed"]) == ("failed", True)


async def test_a_later_success_does_not_mend_a_failed_pipeline():
    worker = FakeWorker(steps={"a/x": ["failed"]})
    answer, _ = await walk(plan(a="x", b="y", c="z"), worker)
    assert (worker.ended["stages"]["c"], answer["state"]) == ("succeeded", "failed")


answers_of_steps = st.lists(st.sampled_from(ENDS), max_size=3).map(lambda states: [*states, "succeeded"])


@settings(max_examples=60, deadline=None)
@given(
    steps=st.dictionaries(st.sampled_from(["a/x", "a/y", "b/z"]), answers_of_steps),
    stages=st.dictionaries(st.sampled_from("ab"), st.sampled_from(["running", "skipped", "failed"])),
    cut=st.integers(0, 12),
)
async def test_a_replay_does_the_same_operations_in_the_same_order_and_none_of_the_work(steps, stages, cut):
    of = plan(a="x y", b="z")
    whole_answer, whole = await walk(
        of, FakeWorker(dict(stages), {path: list(told) for path, told in steps.items()})
    )
    replayed = FakeWorker(stages={"a": "failed"})  # would answer otherwise, if it were asked
    again, run = await walk(of, replayed, FakeRun(recorded=list(whole.answers)))
    assert (again, run.log, replayed.worked) == (whole_answer, whole.log, [])
    begun = FakeRun(recorded=whole.answers[:cut])
    await walk(of, FakeWorker(), begun)
    known = min(cut, len(whole.answers))
    assert begun.log[:known] == whole.log[:known]
