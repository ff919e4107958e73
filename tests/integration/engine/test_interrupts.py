"""Wishes: recorded once with who asked, refused when it is too late, and noticed by everything that waits."""

import asyncio

import pytest

from bridle.adapters.sql.executions import SqlExecutions
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.execution import MoveExecution
from bridle.engine.interrupts import Wish, WishExecution, end_cancelled
from bridle.trust.journal import GuardError, Kind

WAITS = """
pipeline:
  id: slow
  stages:
    - {id: first, steps: [{id: nap, wait: {duration: 7d}}]}
"""


@pytest.fixture
async def napping(desk):
    """An execution whose one step waits for seven days."""
    execution = await desk.start(WAITS)
    await desk.leg(execution, "first/nap")
    desk.durable.woken.clear()
    return execution


async def end(desk, execution):
    moved = MoveExecution(execution.id, State.SUCCEEDED, "", desk.clock.now())
    await desk.bench.journal.append([], [moved])


async def recorded(desk, execution, kind):
    records = await desk.bench.journal.read(execution=execution.id)
    return [record.body for record in records if record.kind is kind]


@pytest.mark.parametrize(
    ("ask", "wish", "kind"),
    [("cancel", Wish.CANCEL, Kind.CANCEL_REQUESTED), ("pause", Wish.PAUSE, Kind.EXECUTION_PAUSED)],
)
async def test_a_wish_is_recorded_with_who_asked_and_why(desk, napping, ask, wish, kind):
    await getattr(desk.control, ask)(napping.id, by=desk.user, why="wrong branch")
    assert await desk.executions.wish(napping.id) == wish
    assert await recorded(desk, napping, kind) == [{"by": "user:ana", "why": "wrong branch"}]


async def test_a_wish_wakes_everything_that_the_execution_waits_for(desk, napping):
    await desk.control.pause(napping.id, by=desk.user)
    assert desk.durable.woken == [(napping.id, "")]


async def test_a_cancelled_step_ends_cancelled_at_its_next_leg_and_is_not_run(desk, napping):
    await desk.control.cancel(napping.id, by=desk.user)
    answer = await desk.leg(napping, "first/nap")
    assert (answer["state"], answer["stop"]) == ("cancelled", "cancel")


async def test_a_paused_execution_begins_nothing_until_it_is_resumed(desk, napping):
    await desk.control.pause(napping.id, by=desk.user)
    held = await desk.leg(napping, "first/nap")
    await desk.control.resume(napping.id, by=desk.user)
    assert (held["state"], (await desk.leg(napping, "first/nap"))["state"]) == ("paused", "waiting")


async def test_a_cancelled_execution_ends_cancelled_whatever_was_running(desk):
    execution = await desk.start(WAITS)

    async def cancel():
        await desk.control.cancel(execution.id, by=desk.user)

    state, ended = await desk.carry(execution, meanwhile=cancel)
    assert (state, ended) == ("cancelled", {"first/nap": "cancelled"})


async def test_the_same_wish_twice_is_one_record(desk, napping):
    answers = [await desk.control.cancel(napping.id, by=desk.user) for _ in range(2)]
    assert answers == [True, False]
    assert len(await recorded(desk, napping, Kind.CANCEL_REQUESTED)) == 1


async def test_a_cancel_deletes_every_token_of_the_execution(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)
    await desk.crash(execution, "repair/fix")
    before = desk.tokens_left()
    await desk.control.cancel(execution.id, by=desk.user)
    assert (before > 0, desk.tokens_left()) == (True, 0)


async def test_resume_lifts_a_pause(desk, napping):
    await desk.control.pause(napping.id, by=desk.user)
    assert await desk.control.resume(napping.id, by=desk.user)
    assert await desk.executions.wish(napping.id) == Wish.NONE
    assert desk.durable.woken[-1] == (napping.id, "")


async def test_an_execution_paused_before_a_fresh_step_runs_again_once_it_is_resumed(desk):
    execution = await desk.start(WAITS)
    await desk.control.pause(execution.id, by=desk.user)
    assert (await desk.leg(execution, "first/nap"))["state"] == "paused"
    held = await desk.executions.get(execution.id)
    await desk.control.resume(execution.id, by=desk.user)
    runs = await desk.executions.get(execution.id)
    assert [(item.state, item.note) for item in (held, runs)] == [
        (State.PAUSED, "paused"),
        (State.RUNNING, ""),
    ]


async def test_a_resume_before_the_pause_was_noticed_leaves_the_state_as_it_is(desk, napping):
    await desk.control.pause(napping.id, by=desk.user)
    await desk.control.resume(napping.id, by=desk.user)
    assert (await desk.executions.get(napping.id)).state is State.WAITING


@pytest.mark.parametrize(("word", "answer"), [("resume", "waiting"), ("cancel", "cancelled")])
async def test_what_is_wanted_between_the_look_and_the_pause_counts(desk, monkeypatch, word, answer):
    execution = await desk.start(WAITS)
    await desk.control.pause(execution.id, by=desk.user)
    look, looks = SqlExecutions.wish, []

    async def look_and_be_overtaken(self, name):
        found = await look(self, name)
        looks.append(found)
        if len(looks) == 1:
            await getattr(desk.control, word)(execution.id, by=desk.user)
        return found

    monkeypatch.setattr(SqlExecutions, "wish", look_and_be_overtaken)
    told = await desk.leg(execution, "first/nap")
    assert told["state"] == answer
    assert (await desk.executions.get(execution.id)).state is not State.PAUSED


async def test_resume_changes_nothing_that_is_not_paused(desk, napping):
    assert not await desk.control.resume(napping.id, by=desk.user)
    assert await recorded(desk, napping, Kind.EXECUTION_RESUMED) == []


async def test_a_cancel_is_not_taken_back(desk, napping):
    await desk.control.cancel(napping.id, by=desk.user)
    with pytest.raises(InputError, match="being cancelled"):
        await desk.control.pause(napping.id, by=desk.user)
    with pytest.raises(GuardError):
        await desk.bench.journal.append([], [WishExecution(napping.id, Wish.NONE)])


@pytest.mark.parametrize("ask", ["cancel", "pause"])
async def test_what_has_ended_says_so(desk, napping, ask):
    await end(desk, napping)
    with pytest.raises(InputError, match="has ended: succeeded"):
        await getattr(desk.control, ask)(napping.id, by=desk.user)


async def test_what_ends_between_the_look_and_the_record_takes_no_wish(desk, napping):
    stale = await desk.executions.get(napping.id)
    await end(desk, napping)
    desk.control.get = lambda _: asyncio.sleep(0, stale)
    with pytest.raises(InputError, match="has ended: succeeded"):
        await desk.control.cancel(napping.id, by=desk.user)
    assert await recorded(desk, napping, Kind.CANCEL_REQUESTED) == []


async def test_two_processes_that_ask_at_once_leave_one_record(desk, napping):
    answers = await asyncio.gather(*(desk.control.cancel(napping.id, by=desk.user) for _ in range(4)))
    assert sorted(answers) == [False, False, False, True]
    assert len(await recorded(desk, napping, Kind.CANCEL_REQUESTED)) == 1


class FakeDeafDelegate:
    """Ends nothing: it notes what it was told."""

    def __init__(self):
        self.told = []

    async def cancel(self, execution):
        self.told.append(execution)


async def test_the_delegate_is_told_of_a_cancel_at_each_look(desk, napping):
    await desk.start(WAITS)  # of which nobody wants anything
    await desk.control.cancel(napping.id, by=desk.user)
    delegate = FakeDeafDelegate()
    for _ in range(2):
        await end_cancelled(desk.executions, delegate)
    assert delegate.told == [napping.id] * 2
