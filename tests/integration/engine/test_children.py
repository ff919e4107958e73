"""Executions that belong to another one: started once, linked, waited for, cancelled with it."""

import pytest

from bridle.core.states import State
from bridle.engine.execution import MoveExecution
from bridle.engine.interrupts import Wish, WishExecution
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
    assert child.options == {
        "model": "priced",
        "project": "default",
        "parent": parent.id,
        "path": "call/chain",
    }
    await desk.bench.journal.append([], [MoveExecution(parent.id, State.FAILED, "", desk.clock.now())])
    again = await desk.control.rerun(parent.id, given={}, initiator=desk.user)
    assert again.options == {"model": "priced", "project": "default", "rerun_of": parent.id}


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


GRANDPARENT = """
pipeline:
  id: grandparent
  stages: [{id: call, chain: {uses: parent@1.0.0}}]
"""


class TwoBooks(OneBook):
    """Holds a pipeline that chains another one."""

    def find(self, uses, *, branch=""):
        if uses.startswith("parent@"):
            return Volume("parent", "1.0.0", PARENT, "parent.yaml", "sha256:" + "1" * 64)
        return super().find(uses, branch=branch)


@pytest.fixture
async def family(desk):
    """An execution, the one that it chains, and the one that that chains; the last two wait for their child, or have begun."""
    plan = read_pipeline(GRANDPARENT, source="grandparent.yaml", library=TwoBooks())
    eldest = await desk.control.start(plan, inputs={}, options={}, initiator=desk.user)
    await desk.leg(eldest, "call/chain")
    middle = await child_of(desk, eldest)
    await desk.leg(middle, "call/chain")
    return eldest, middle, await child_of(desk, middle)


async def wishes(desk, family):
    return [await desk.executions.wish(execution.id) for execution in family]


async def test_a_pause_reaches_what_belongs_to_the_execution_and_a_resume_lifts_it(desk, family):
    desk.durable.woken.clear()
    await desk.control.pause(family[0].id, by=desk.user, why="wait")
    assert await wishes(desk, family) == [Wish.PAUSE] * 3
    assert {(execution.id, "") for execution in family} <= set(desk.durable.woken)
    assert (await desk.leg(family[2], "s/x"))["state"] == "paused"
    await desk.control.resume(family[0].id, by=desk.user)
    assert await wishes(desk, family) == [Wish.NONE] * 3
    assert (await desk.leg(family[2], "s/x"))["state"] == "succeeded"


async def test_a_child_paused_for_itself_stays_paused_when_its_parent_goes_on(desk, family):
    await desk.control.pause(family[1].id, by=desk.user)
    await desk.control.pause(family[0].id, by=desk.user)
    await desk.control.resume(family[0].id, by=desk.user)
    assert await wishes(desk, family) == [Wish.NONE, Wish.PAUSE, Wish.PAUSE]


async def test_a_resume_that_died_half_way_is_finished_by_another(desk, family):
    await desk.control.pause(family[0].id, by=desk.user)
    await desk.bench.journal.append([], [WishExecution(family[0].id, Wish.NONE)])
    assert not await desk.control.resume(family[0].id, by=desk.user)
    assert await wishes(desk, family) == [Wish.NONE] * 3


async def test_a_child_that_begins_because_a_pause_was_not_noticed_yet_begins_paused(desk, parent):
    await desk.bench.journal.append([], [WishExecution(parent.id, Wish.PAUSE)])
    plan = read_pipeline(CHILD, source="child.yaml", library=OneBook())
    started = {"path": "call/chain", "plan": plan, "inputs": {"tag": "v1"}, "options": {}}
    child = await desk.starting(journal=desk.store.journal).start_child(parent, **started)
    assert await desk.executions.wish(child.id) == Wish.PAUSE


async def test_a_child_that_has_ended_or_is_being_cancelled_is_left_as_it_is(desk, family):
    await desk.control.cancel(family[2].id, by=desk.user)
    await desk.control.pause(family[0].id, by=desk.user)
    assert await wishes(desk, family) == [Wish.PAUSE, Wish.PAUSE, Wish.CANCEL]
    await desk.bench.journal.append([], [MoveExecution(family[2].id, State.CANCELLED, "", desk.clock.now())])
    await desk.control.resume(family[0].id, by=desk.user)
    assert await wishes(desk, family) == [Wish.NONE, Wish.NONE, Wish.CANCEL]


async def test_a_child_whose_end_is_recorded_is_seen_out_its_process_may_have_died_before_its_own_end(
    desk, parent
):
    plan = read_pipeline(CHILD, source="child.yaml", library=OneBook())
    started = {"path": "call/chain", "plan": plan, "inputs": {"tag": "v1"}, "options": {}}
    starting = desk.starting(journal=desk.store.journal)
    child = await starting.start_child(parent, **started)
    await desk.bench.journal.append([], [MoveExecution(child.id, State.FAILED, "", desk.clock.now())])
    desk.durable.started.clear()
    assert (await starting.start_child(parent, **started)).state is State.FAILED
    assert (desk.durable.started, desk.durable.seen_out) == ([child.id], [child.id])
