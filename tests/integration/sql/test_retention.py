"""Retention on the store: raw values of what ended long ago are destroyed, recorded, and nothing else is touched."""

from datetime import timedelta

import pytest

from bridle.adapters.sql.deeds import SqlDeeds
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.retention import SqlHistory
from bridle.core.errors import InputError, TrustError
from bridle.core.states import State
from bridle.engine.execution import Execution, MoveExecution, StartExecution
from bridle.engine.retention import Retention, find_removable, parse_age
from bridle.gate.loops import Change, Deed, RecordDeed
from bridle.trust.journal import Entry, Kind, verify_chain

MONTH = timedelta(days=30)


class FakeEngineHistory:
    """Forgets everything but what it still carries."""

    def __init__(self, *live):
        self.live = set(live)

    async def forget(self, executions):
        return [execution for execution in executions if execution not in self.live]


@pytest.fixture
async def keep(store, clock):
    """Store an execution with a raw value, ended unless told otherwise; return the value's record."""

    async def make(name, state=State.SUCCEEDED):
        started = Execution(name, "p", {}, "", {}, {}, "user:ana", State.RUNNING, "", clock.now())
        entry = Entry(Kind.STEP_ENDED, name, "a/b", {"state": "succeeded"}, raw={"value": b"personal"})
        move = MoveExecution(name, state, "", clock.now())
        (record,) = await store.journal.append([entry], [StartExecution(started), move])
        return record

    return make


@pytest.fixture
def retention(store, clock):
    def make(*live, window=timedelta(days=1)):
        return Retention(
            journal=store.journal,
            history=SqlHistory(store.database, store.working),
            engine=FakeEngineHistory(*live),
            clock=clock,
            loop_window=window,
        )

    return make


async def test_the_values_of_what_ended_long_ago_are_destroyed(store, clock, keep, retention):
    record = await keep("exe_1")
    clock.advance(MONTH * 2)
    assert await retention().remove(older_than=MONTH, by="user:ana") == ["exe_1"]
    with pytest.raises(TrustError, match="destroyed"):
        await store.journal.reveal(record, "value")


@pytest.mark.parametrize("state", [State.WAITING, State.PAUSED, State.RUNNING])
async def test_the_values_of_what_has_not_ended_are_kept_however_old(store, clock, keep, retention, state):
    record = await keep("exe_1", state)
    clock.advance(MONTH * 20)
    assert await retention().remove(older_than=MONTH, by="user:ana") == []
    assert await store.journal.reveal(record, "value") == b"personal"


async def test_age_is_counted_from_the_end(clock, keep, retention):
    await keep("exe_1", State.WAITING)
    clock.advance(MONTH * 2)
    await keep("exe_2")
    assert await retention().remove(older_than=MONTH, by="user:ana") == []


async def test_what_the_engine_still_carries_is_left_for_the_next_time(store, clock, keep, retention):
    record = await keep("exe_1")
    clock.advance(MONTH * 2)
    assert await retention("exe_1").remove(older_than=MONTH, by="user:ana") == []
    assert await store.journal.reveal(record, "value") == b"personal"
    assert await retention().remove(older_than=MONTH, by="user:ana") == ["exe_1"]


async def test_more_than_one_look_can_hold_are_all_removed_once(store, clock, keep, retention):
    for number in range(205):
        await keep(f"exe_{number:03}")
    clock.advance(MONTH * 2)
    found = await find_removable(SqlHistory(store.database, store.working), older_than=MONTH, clock=clock)
    removed = [await retention().remove(older_than=MONTH, by="user:ana") for _ in range(2)]
    assert (len(found), removed) == (205, [found, []])


async def test_the_removal_is_a_record_and_the_journal_still_holds_together(store, clock, keep, retention):
    await keep("exe_1")
    clock.advance(MONTH * 2)
    await retention().remove(older_than=MONTH, by="user:ana")
    records = await store.journal.read()
    assert verify_chain(records) == len(records)
    assert records[-1].body == {
        "by": "user:ana",
        "removed": ["engine-history", "raw-values", "shown-to-approvers"],
    }


@pytest.mark.parametrize(
    ("age", "window", "left"),
    [
        (timedelta(hours=1), timedelta(days=1), ["young"]),
        (timedelta(hours=1), timedelta(days=9), ["old", "young"]),
        (timedelta(days=9), timedelta(days=1), ["old", "young"]),
    ],
)
async def test_what_was_done_to_a_target_is_forgotten_when_it_is_old_and_counts_no_more(
    store, clock, retention, age, window, left
):
    for key in ("old", "young"):
        clock.advance(timedelta(days=8))  # a session may look back a week
        deed = Deed(Change("t", "e", "a"), key, "exe_1", "git.push", clock.now())
        await store.journal.append([], [RecordDeed(deed)])
    await retention(window=window).remove(older_than=age, by="user:ana")
    found = await SqlDeeds(store.database).of("t", since=clock.now() - MONTH)
    assert [deed.key for deed in found] == left


async def test_the_execution_itself_stays(store, clock, keep, retention):
    await keep("exe_1")
    clock.advance(MONTH * 2)
    await retention().remove(older_than=MONTH, by="user:ana")
    assert (await SqlExecutions(store.database).get("exe_1")).state is State.SUCCEEDED


def test_an_age_is_a_number_and_a_unit():
    assert [parse_age(text, where="here") for text in ("30d", "12h", "0s")] == [
        MONTH,
        timedelta(hours=12),
        timedelta(0),
    ]


@pytest.mark.parametrize("text", ["", "d", "30", "-1d", "1y", "٣d", "1.5h", "100000w"])
def test_what_is_no_age_is_refused_with_its_place(text):
    with pytest.raises(InputError, match="here"):
        parse_age(text, where="here")
