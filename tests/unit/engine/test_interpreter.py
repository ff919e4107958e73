"""The interpreter walks a plan as a pure function of what its operations returned."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridle.core.states import State
from bridle.engine.interpreter import interpret
from bridle.engine.result import TIME_OVER, Result
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import Strategy
from bridle.pipeline.tree import Block, Step
from support.examples import examples

ENDS = ("succeeded", "failed", "skipped", "denied", "unknown", "waiting")


def step(id_, **head):
    return Step(id=id_, name=id_, kind="run", **head)


def stage(id_, *nodes, **head):
    return Block(id=id_, name=id_, kind="stage", nodes=nodes, **head)


def group(id_, *nodes, kind="group", **head):
    return Block(id=id_, name=id_, kind=kind, nodes=nodes, **head)


def plan(**stages):
    """A plan of stages, each with the names of its steps."""
    return Plan(
        "p", "p", stages=tuple(stage(id_, *map(step, steps.split())) for id_, steps in stages.items())
    )


def of(*stages):
    return Plan("p", "p", stages=stages)


@dataclass
class FakeRun:
    """Records every operation in order and runs a branch when it is waited for.

    With `recorded` answers it never does the work: that is a replay.
    """

    recorded: list = field(default_factory=list)
    log: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    carry: object = None
    branches: dict = field(default_factory=dict)

    async def step(self, name, work):
        self.log.append(name)
        answer = self.recorded[len(self.answers)] if len(self.answers) < len(self.recorded) else await work()
        self.answers.append(answer)
        return answer

    async def wait(self, *, timeout_s):
        self.log.append(("wait", timeout_s))

    async def branch(self, path, argument):
        self.log.append(("branch", path))
        self.branches[path] = argument

    async def first(self, paths):
        argument = self.branches[paths[0]]
        answer = await self.step(("first", paths[0]), lambda: self.carry(FakeRun(carry=self.carry), argument))
        return paths[0], answer


@dataclass
class FakeWorker:
    """Answers from tables; what is in none succeeds. Notes what it was shown at each operation and at the end."""

    steps: dict = field(default_factory=dict)
    blocks: dict = field(default_factory=dict)
    cells: int = 2
    rounds: int = 2
    limit: int = 0
    seen: dict = field(default_factory=dict)
    worked: list = field(default_factory=list)
    result: object = None

    def note(self, name, standing=None):
        self.worked.append(name)
        self.seen[name] = standing

    async def begin(self, root):
        self.note("begin")
        return {"state": "running", "deadline": ""}

    async def enter(self, position, standing):
        self.note(position.name, standing)
        return {"state": self.blocks.get(position.path, "running"), "deadline": ""}

    async def leave(self, position, result):
        self.worked.append(f"leave {position.name}")
        told = self.blocks.get(f"leave {position.path}", "")
        return {"state": "succeeded", "reaction": told} if told else {"state": "succeeded"}

    async def judge_time(self, position):
        return {"state": "failed", "reaction": self.blocks.get(f"time {position.path}", "fail")}

    async def expand(self, position, standing):
        self.note(f"cells of {position.name}", standing)
        return {"state": "running", "cells": self.cells, "max_parallel": self.limit}

    async def again(self, cell, standing):
        return {"state": "running" if cell.cell < self.rounds else "succeeded"}

    async def fork(self, children):
        return {"state": "running"}

    async def hand_over(self, child, needed):
        return {"state": "running"}

    async def join(self, position, children):
        return {"state": "succeeded"}

    async def stop(self, branches):
        self.worked += [f"stop {branch.name}" for branch in branches]
        return {"state": "succeeded"}

    async def run_step(self, position, standing):
        self.note(position.path, standing)
        told = self.steps.get(position.path, ["succeeded"])
        state = told.pop(0) if len(told) > 1 else told[0]
        if state == "waiting":
            return {"state": "waiting", "timeout_s": 5.0}
        state, _, reaction = state.partition(" ")
        return {"state": state, "note": "", "record": "rec", "reaction": reaction}

    async def rest(self, position, until):
        self.worked.append(f"rest {position.path} {until}")
        return {"state": "succeeded"}

    async def intervene(self, position, standing, answer):
        self.worked.append(f"intervene {position.path}")
        return {"state": "succeeded", "reaction": "success"}

    async def roll_back(self, position):
        self.worked.append(f"roll back {position.path or 'all'}")
        return {"state": self.blocks.get(f"roll back {position.path}", "succeeded")}

    async def finish(self, result):
        self.worked.append("end")
        self.result = result
        return {"state": str(result.worst), "note": ""}


async def walk(a_plan, worker, run=None):
    run = run or FakeRun()
    run.carry = lambda inner, argument: interpret(inner, a_plan, worker, argument)
    return await interpret(run, a_plan, worker, {}), run


async def test_stages_and_steps_go_in_their_order_and_the_end_comes_last():
    answer, run = await walk(plan(a="x y", b="z"), FakeWorker())
    assert answer == {"state": "succeeded", "note": ""}
    assert run.log == ["a#0", "a/x#0", "a/y#0", "a/end#0", "b#0", "b/z#0", "b/end#0", "end"]


async def test_a_step_that_waits_is_run_again_as_its_next_leg():
    _, run = await walk(plan(a="x"), FakeWorker(steps={"a/x": ["waiting", "waiting", "succeeded"]}))
    assert run.log[1:-2] == ["a/x#0", ("wait", 5.0), "a/x#1", ("wait", 5.0), "a/x#2"]


async def test_a_failure_is_seen_by_the_rest_of_its_stage_and_by_every_later_stage():
    worker = FakeWorker(steps={"a/x": ["failed"]})
    answer, _ = await walk(plan(a="x y", b="z"), worker)
    assert (worker.seen["a/y"].stage_failed, worker.seen["b"].failed) == (True, True)
    assert answer["state"] == "failed"


async def test_the_failure_of_a_stage_is_forgotten_in_the_next_that_of_the_pipeline_is_not():
    worker = FakeWorker(steps={"a/x": ["failed"]})
    await walk(plan(a="x", b="y"), worker)
    assert (worker.seen["b/y"].stage_failed, worker.seen["b/y"].failed) == (False, True)


async def test_a_failure_that_is_ignored_fails_nothing():
    worker = FakeWorker(steps={"a/x": ["failed ignore"]})
    answer, _ = await walk(plan(a="x y"), worker)
    assert (worker.seen["a/y"].stage_failed, answer["state"]) == (False, "succeeded")


async def test_a_step_that_was_left_out_fails_nothing():
    answer, _ = await walk(plan(a="x"), FakeWorker(steps={"a/x": ["skipped"]}))
    assert answer["state"] == "succeeded"


async def test_the_gravest_failure_names_the_state_of_the_whole():
    answer, _ = await walk(plan(a="x y"), FakeWorker(steps={"a/x": ["failed"], "a/y": ["denied"]}))
    assert answer["state"] == "denied"


async def test_a_stage_that_is_left_out_runs_no_step_and_fails_nothing():
    worker = FakeWorker(blocks={"a": "skipped"})
    answer, _ = await walk(plan(a="x", b="y"), worker)
    assert worker.worked == ["a", "b", "b/y", "leave b", "end"]
    assert answer["state"] == "succeeded"


async def test_a_stage_whose_condition_cannot_be_told_fails_the_pipeline_and_runs_no_step():
    worker = FakeWorker(blocks={"a": "failed"})
    answer, _ = await walk(plan(a="x", b="y"), worker)
    assert "a/x" not in worker.worked
    assert (answer["state"], worker.seen["b"].failed) == ("failed", True)


async def test_a_retry_is_another_attempt_under_its_own_path():
    worker = FakeWorker(steps={"a/x": ["failed retry"], "a/x~2": ["failed retry"]})
    answer, _ = await walk(plan(a="x"), worker)
    assert worker.worked == ["a", "a/x", "a/x~2", "a/x~3", "leave a", "end"]
    assert answer["state"] == "succeeded"


async def test_an_abort_runs_nothing_more():
    worker = FakeWorker(steps={"a/x": ["failed abort"]})
    answer, _ = await walk(plan(a="x y", b="z"), worker)
    assert worker.worked == ["a", "a/x", "leave a", "end"]
    assert answer["state"] == "failed"


async def test_a_person_may_make_a_failure_good():
    worker = FakeWorker(steps={"a/x": ["failed manual-intervention"]})
    answer, _ = await walk(plan(a="x y"), worker)
    assert worker.worked == ["a", "a/x", "intervene a/x", "a/y", "leave a", "end"]
    assert answer["state"] == "succeeded"


async def test_a_stage_that_was_rolled_back_does_not_count_for_later_ones_but_for_the_whole():
    worker = FakeWorker(steps={"a/x": ["failed stage-rollback"]})
    answer, _ = await walk(plan(a="x y", b="z"), worker)
    assert worker.worked == ["a", "a/x", "roll back a", "leave a", "b", "b/z", "leave b", "end"]
    assert (worker.seen["b"].failed, answer["state"]) == (False, "failed")


async def test_a_rollback_that_fails_counts_for_later_stages():
    worker = FakeWorker(steps={"a/x": ["failed stage-rollback"]}, blocks={"roll back a": "failed"})
    await walk(plan(a="x", b="z"), worker)
    assert worker.seen["b"].failed is True


async def test_a_rollback_of_the_pipeline_comes_before_its_end():
    worker = FakeWorker(steps={"b/z": ["failed pipeline-rollback"]})
    await walk(plan(a="x", b="z", c="w"), worker)
    assert worker.worked[-3:] == ["leave b", "roll back all", "end"]


async def test_a_group_is_tried_again_as_a_whole():
    worker = FakeWorker(steps={"a/g/x": ["failed retry-step-group"]})
    answer, _ = await walk(of(stage("a", group("g", step("x"), step("y")))), worker)
    assert worker.worked == [
        "a",
        "a/g",
        "a/g/x",
        "leave a/g",
        "a/g~2",
        "a/g~2/x",
        "a/g~2/y",
        "leave a/g~2",
        "leave a",
        "end",
    ]
    assert answer["state"] == "succeeded"


async def test_nodes_of_a_parallel_block_are_branches():
    worker = FakeWorker(steps={"a/x": ["failed"]})
    both = group("p", step("x"), step("y"), kind="parallel", transparent=True)
    answer, run = await walk(of(stage("a", both, step("z"))), worker)
    assert [item for item in run.log if item[0] == "branch"] == [("branch", "a/x"), ("branch", "a/y")]
    assert (worker.seen["a/y"].stage_failed, worker.seen["a/z"].stage_failed) == (False, True)
    assert answer["state"] == "failed"


async def test_a_branch_begins_when_what_it_needs_has_ended():
    both = group("p", step("x", needs=("y",)), step("y"), kind="parallel")
    _, run = await walk(of(stage("a", both)), FakeWorker())
    order = [item for item in run.log if item[0] in ("branch", "first")]
    assert order == [("branch", "a/p/y"), ("first", "a/p/y"), ("branch", "a/p/x"), ("first", "a/p/x")]


async def test_cells_run_no_more_than_their_limit_at_a_time():
    cells = step("x", strategy=Strategy("for", count=3))
    _, run = await walk(of(stage("a", cells)), FakeWorker(cells=3, limit=2))
    order = [item[0] for item in run.log if item[0] in ("branch", "first")]
    assert order == ["branch", "branch", "first", "branch", "first", "first"]


async def test_with_fail_fast_a_failed_cell_stops_the_others():
    worker = FakeWorker(steps={"a/x_0": ["failed"]}, cells=3, limit=2)
    await walk(of(stage("a", step("x", strategy=Strategy("for", count=3, fail_fast=True)))), worker)
    assert "stop a/x_1" in worker.worked
    assert "a/x_2" not in worker.worked


async def test_a_while_goes_on_until_its_condition_no_longer_holds():
    worker = FakeWorker(cells=9, rounds=3)
    await walk(of(stage("a", step("x", strategy=Strategy("while", count=9, condition="x")))), worker)
    assert [item for item in worker.worked if item.startswith("a/x_")] == ["a/x_0", "a/x_1", "a/x_2"]


async def test_a_round_that_fails_is_the_last():
    worker = FakeWorker(steps={"a/x_0": ["failed"]}, cells=9, rounds=9)
    await walk(of(stage("a", step("x", strategy=Strategy("window", window_s=9)))), worker)
    assert "a/x_1" not in worker.worked


async def test_the_time_of_the_pipeline_is_asked_for_only_when_it_has_one():
    worker = FakeWorker()
    await walk(Plan("p", "p", stages=(stage("a", step("x")),), timeout_s=9), worker)
    assert worker.worked[0] == "begin"


answers_of_steps = st.lists(st.sampled_from(ENDS), max_size=3).map(lambda states: [*states, "succeeded"])
SHAPE = of(
    stage("a", step("x"), group("p", step("l"), step("r", needs=("l",)), kind="parallel")),
    stage("b", step("z", strategy=Strategy("for", count=2))),
)
PATHS = ("a/x", "a/p/l", "a/p/r", "b/z_0", "b/z_1")


@settings(max_examples=examples(60))
@given(
    steps=st.dictionaries(st.sampled_from(PATHS), answers_of_steps),
    blocks=st.dictionaries(st.sampled_from("ab"), st.sampled_from(["running", "skipped", "failed"])),
    cut=st.integers(0, 20),
)
async def test_a_replay_does_the_same_operations_in_the_same_order_and_none_of_the_work(steps, blocks, cut):
    worker = FakeWorker(steps={path: list(told) for path, told in steps.items()}, blocks=dict(blocks))
    whole_answer, whole = await walk(SHAPE, worker)
    replayed = FakeWorker(blocks={"a": "failed"})  # would answer otherwise, if it were asked
    again, run = await walk(SHAPE, replayed, FakeRun(recorded=list(whole.answers)))
    assert (again, run.log, replayed.worked) == (whole_answer, whole.log, [])
    begun = FakeRun(recorded=whole.answers[:cut])
    await walk(SHAPE, FakeWorker(), begun)
    known = min(cut, len(whole.answers))
    assert begun.log[:known] == whole.log[:known]


@pytest.mark.parametrize("state", ["denied", "unknown"])
async def test_what_is_not_forgiven_fails_the_rest_of_its_stage(state):
    worker = FakeWorker(steps={"a/x": [state]})
    answer, _ = await walk(plan(a="x y"), worker)
    assert (worker.seen["a/y"].stage_failed, answer["state"]) == (True, state)


async def test_what_needs_a_branch_that_was_left_out_for_a_failure_begins_after_a_failure_too():
    chained = group("p", step("x"), step("y", needs=("x",)), step("z", needs=("y",)), kind="parallel")
    worker = FakeWorker(steps={"a/p/x": ["failed"], "a/p/y": ["skipped"]})
    await walk(of(stage("a", chained)), worker)
    assert worker.seen["a/p/z"].stage_failed is True


@pytest.mark.parametrize("state", ["denied", "unknown"])
async def test_what_is_not_forgiven_is_not_tried_again_with_its_group(state):
    worker = FakeWorker(steps={"a/g/x": [state], "a/g/y": ["failed retry-step-group"]})
    answer, _ = await walk(of(stage("a", group("g", step("x"), step("y")))), worker)
    assert (answer["state"], "a/g~2" in worker.worked) == (state, False)


@pytest.mark.parametrize("reaction", ["ignore", "success", "fail"])
async def test_what_is_not_forgiven_is_not_forgiven_with_the_time_of_its_group(reaction):
    over = Result(State.FAILED, breaks=True, worst=State.DENIED, stop=TIME_OVER)
    judged = over.after_time_over({"state": "failed", "reaction": reaction})
    assert (judged.breaks, judged.worst, judged.stop) == (True, State.DENIED, "")


async def test_a_group_is_tried_again_for_a_cell_deep_inside():
    cells = step("x", strategy=Strategy("for", count=1))
    worker = FakeWorker(steps={"a/g/b/x_0": ["failed retry-step-group"]}, cells=1)
    await walk(of(stage("a", group("g", group("b", cells, kind="parallel")))), worker)
    assert [item for item in worker.worked if item.endswith("x_0")] == ["a/g/b/x_0", "a/g~2/b/x_0"]


@dataclass
class PausedOnce(FakeWorker):
    """Holds every block and every strategy once before it begins."""

    async def enter(self, position, standing):
        return self.hold(position.name) or await super().enter(position, standing)

    async def expand(self, position, standing):
        return self.hold(f"{position.name} cells") or await super().expand(position, standing)

    def hold(self, name):
        first = name not in self.blocks
        self.blocks.setdefault(name, "running")
        return {"state": "paused", "timeout_s": 1.0} if first else None


async def test_a_pause_before_a_block_or_a_strategy_is_waited_out():
    worker = PausedOnce(cells=1)
    answer, _ = await walk(of(stage("a", step("x", strategy=Strategy("for", count=1)))), worker)
    assert (answer["state"], "a/x_0" in worker.worked) == ("succeeded", True)


@settings(max_examples=examples(80))
@given(needs=st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=6), data=st.data())
async def test_no_branch_begins_before_what_it_needs_has_ended(needs, data):
    steps = [
        step(f"n{index}", needs=tuple(f"n{other}" for other in sorted(wanted) if other < index))
        for index, wanted in enumerate(needs)
    ]
    shuffled = data.draw(st.permutations(steps))
    _, run = await walk(of(stage("a", group("p", *shuffled, kind="parallel"))), FakeWorker())
    for node in steps:
        begun = run.log.index(("branch", f"a/p/{node.id}"))
        assert all(run.log.index(("first", f"a/p/{name}")) < begun for name in node.needs)
