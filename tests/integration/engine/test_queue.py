"""The steps `queue` and `barrier`: they end when their turn has come, and say meanwhile what they wait for."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from bridle.core.states import State
from bridle.engine.position import Position
from bridle.engine.steps.barrier import perform_barrier
from bridle.engine.steps.queue import LOOK_S, MAX_LOOK_S, perform_queue
from bridle.pipeline.read import read_pipeline

PIPELINE = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: make}]}]}"


@pytest.fixture
def fake_leg(desk):
    """What these steps look at of a leg."""

    async def make(body, path="a/lock", execution=None, address=(0, 0)):
        return SimpleNamespace(
            bench=desk.bench,
            execution=execution or await desk.start(PIPELINE),
            path=path,
            position=Position(read_pipeline(PIPELINE, source="p.yaml"), address, ((-1, 1),) * len(address)),
            body=body,
            started_at=desk.clock.now(),
        )

    return make


def queue(scope="pipeline"):
    return {"key": "prod", "scope": scope}


async def test_a_queue_ends_when_the_lock_is_held(fake_leg):
    assert (await perform_queue(await fake_leg(queue()))).state is State.SUCCEEDED


async def test_a_queue_says_how_many_are_ahead(fake_leg):
    await perform_queue(await fake_leg(queue()))
    second = await perform_queue(await fake_leg(queue()))
    assert (second.note, second.timeout_s) == ("queued for prod: 1 ahead", LOOK_S)


@pytest.mark.parametrize(("scope", "region", "free"), [("stage", "a", True), ("pipeline", "a", False)])
async def test_the_scope_says_at_whose_end_the_lock_is_given_back(desk, fake_leg, scope, region, free):
    first, second = await fake_leg(queue(scope)), await fake_leg(queue(scope))
    await perform_queue(first)
    await perform_queue(second)
    await desk.bench.locks.release_scope(first.execution.id, region)
    assert ((second.execution.id, "a/lock") in desk.durable.woken) is free
    ended = await perform_queue(second)
    assert (getattr(ended, "state", None) is State.SUCCEEDED) is free


async def test_who_waits_in_a_circle_fails_and_says_who_with_whom(fake_leg):
    first, second = await fake_leg({**queue(), "key": "test"}), await fake_leg(queue())
    await perform_queue(first)
    await perform_queue(second)
    await perform_queue(await fake_leg(queue(), "a/more", first.execution))
    ended = await perform_queue(await fake_leg({**queue(), "key": "test"}, "a/more", second.execution))
    assert (ended.state, f"for test, and {first.execution.id} at a/more for prod" in ended.note) == (
        State.FAILED,
        True,
    )


async def test_a_wait_of_weeks_is_looked_at_seldom(desk, fake_leg):
    await perform_queue(await fake_leg(queue()))
    leg = await fake_leg(queue())
    desk.clock.advance(timedelta(days=14))
    assert (await perform_queue(leg)).timeout_s == MAX_LOOK_S


async def test_a_barrier_opens_when_the_last_branch_has_come(desk, fake_leg):
    body = {"name": "ready", "of": 2}
    first = await fake_leg(body, "a/x")
    assert (await perform_barrier(first)).note == "at the barrier ready, which 2 have to reach"
    last = await fake_leg(body, "b/x", first.execution)
    assert (await perform_barrier(last)).state is State.SUCCEEDED
    assert desk.durable.woken == [(first.execution.id, "a/x")]
    assert (await perform_barrier(first)).state is State.SUCCEEDED
