"""Executions that belong to another one: started once, linked, waited for, cancelled with it."""

import pytest

from bridle.core.states import State
from bridle.engine.execution import MoveExecution
from bridle.engine.interrupts import Wish
from bridle.engine.starting import derive_id
from bridle.pipeline.library import Library, Volume
from bridle.pipeline.read import read_pipeline

CHILD = """
pipeline:
  id: child
  inputs: {tag: {type: string, required: true}}
  stages: [{id: s, steps: [{id: x, run: make}]}]
"""
PARENT = """
pipeline:
  id: parent
  stages:
    - id: call
      chain:
        uses: child@1.0.0
        with: {inputs: {tag: v1}, outputs: [{name: code, value: <+stages.s.steps.x.output.exit_code>}]}
    - {id: after, steps: [{id: y, if: <+stages.call.steps.chain.output.code> == 0, run: make}]}
"""


class OneBook(Library):
    def __init__(self, text=CHILD):
        self._text = text

    def find(self, uses, *, branch=""):
        return Volume("child", "1.0.0", self._text, "child.yaml", "sha256:" + "0" * 64)


@pytest.fixture
async def parent(desk):
    plan = read_pipeline(PARENT, source="parent.yaml", library=OneBook())
    return await desk.control.start(plan, inputs={}, options={}, initiator=desk.user)


async def child_of(desk, parent):
    return await desk.executions.get(derive_id(parent.id, "call/chain"))


async def test_a_chained_pipeline_is_an_execution_of_its_own_and_hands_its_outputs_over(desk, parent):
    async def carry_child():
        await desk.carry(await child_of(desk, parent))

    state, ended = await desk.carry(parent, meanwhile=carry_child)
    child = await child_of(desk, parent)
    assert (state, ended) == ("succeeded", {"call/chain": "succeeded", "after/y": "succeeded"})
    assert (child.options["parent"], child.initiator, dict(child.inputs)) == (
        parent.id,
        "user:ana",
        {"tag": "v1"},
    )
    assert (await desk.outcome(parent, "call/chain"))["output"] == {"code": 0, "execution": child.id}


async def test_a_child_is_started_once_however_often_its_step_is_run(desk, parent):
    for _ in range(2):
        assert (await desk.leg(parent, "call/chain"))["state"] == "waiting"
    children = [item for item in await desk.executions.find() if item.pipeline == "child"]
    assert len(children) == 1


async def test_a_child_and_a_rerun_inherit_the_model_that_was_chosen_and_nothing_else(desk):
    plan = read_pipeline(PARENT, source="parent.yaml", library=OneBook())
    options = {"model": "priced", "demo": True}
    parent = await desk.control.start(plan, inputs={}, options=options, initiator=desk.user)
    await desk.leg(parent, "call/chain")
    child = await child_of(desk, parent)
    assert child.options == {"model": "priced", "parent": parent.id, "path": "call/chain"}
    await desk.bench.journal.append([], [MoveExecution(parent.id, State.FAILED, "", desk.clock.now())])
    again = await desk.control.rerun(parent.id, given={}, initiator=desk.user)
    assert again.options == {"model": "priced", "rerun_of": parent.id}


class FakeLine:
    """Admission that lets nothing begin until it is told to."""

    process = "process-1"
    open = False

    def is_free(self, ceiling):
        return ceiling is None

    async def stand(self, execution):
        return self.open


async def test_a_child_stands_in_line_where_its_pipeline_is_limited(desk):
    limited = CHILD.replace("  id: child\n", "  id: child\n  concurrency: 1\n")
    plan = read_pipeline(PARENT, source="parent.yaml", library=OneBook(limited))
    parent = await desk.control.start(plan, inputs={}, options={}, initiator=desk.user)
    desk.admission = line = FakeLine()
    told = []
    for line.open in (False, True):
        await desk.leg(parent, "call/chain")
        told.append((await child_of(desk, parent)).id in desk.durable.started)
    assert ((await child_of(desk, parent)).state, told) == (State.PENDING, [False, True])


async def test_a_child_that_was_denied_denies_its_step(desk, parent):
    await desk.leg(parent, "call/chain")
    child = await child_of(desk, parent)
    await desk.bench.journal.append([], [MoveExecution(child.id, State.DENIED, "", desk.clock.now())])
    assert (await desk.leg(parent, "call/chain"))["state"] == "denied"


async def test_who_cancels_the_parent_cancels_the_child(desk, parent):
    await desk.leg(parent, "call/chain")
    await desk.control.cancel(parent.id, by=desk.user)
    assert (await desk.leg(parent, "call/chain"))["state"] == "cancelled"
    child = await child_of(desk, parent)
    assert await desk.executions.wish(child.id) == Wish.CANCEL
    assert (child.id, "") in desk.durable.woken
