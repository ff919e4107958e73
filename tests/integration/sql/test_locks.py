"""Locks and barriers: one order over all processes, nobody forgotten, and no lock kept by the dead."""

import asyncio
from dataclasses import dataclass, field

import pytest

from bridle.adapters.sql.database import open_database
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.locks import SqlLockStore
from bridle.adapters.sql.schema import barrier_arrivals, lock_tickets
from bridle.core.states import State
from bridle.engine.execution import Execution, MoveExecution, StartExecution
from bridle.engine.locks import Depart, Holder, LeaveCircle, Locks
from bridle.trust.journal import GuardError

SHORT_S = 0.05


@dataclass
class Desk:
    """Locks on a store, and who was woken."""

    store: object
    clock: object
    woken: list = field(default_factory=list)
    lost: list = field(default_factory=list)

    def __post_init__(self):
        self.locks = self.open(self.store.database, self.store.journal)

    def open(self, database, journal):
        async def wake(execution, path):
            self.woken.append((execution, path))

        return Locks(journal, SqlLockStore(database), wake)

    async def start(self, *names, ceiling=None, state=State.RUNNING, **options):
        for name in names:
            started = Execution(name, "p", {}, "", {}, options, "user:ana", state, "", self.clock.now())
            await self.store.journal.append([], [StartExecution(started, ceiling=ceiling)])
            assert await SqlExecutions(self.store.database).get(name)

    async def end(self, name):
        moved = MoveExecution(name, State.FAILED, "", self.clock.now())
        await self.store.journal.append([], [moved])

    async def acquire(self, execution, path="a/lock", *, region="", ttl_s=60.0, name="prod"):
        place = await self.locks.acquire(name, Holder(execution, path, region), ttl_s=ttl_s)
        return "circle" if place.circle else place.ahead

    async def keep(self, *executions):
        async def lost(execution, name):
            self.lost.append((execution, name))

        await self.locks.keep(executions, lost)


@pytest.fixture
async def desk(store, clock):
    made = Desk(store, clock)
    await made.start("exe_1", "exe_2", "exe_3")
    return made


async def test_a_lock_is_given_in_the_order_of_asking(desk):
    assert [await desk.acquire(name) for name in ("exe_2", "exe_1", "exe_3")] == [0, 1, 2]
    await desk.locks.release_scope("exe_2", "")
    assert [await desk.acquire(name) for name in ("exe_3", "exe_1")] == [1, 0]


async def test_asking_again_keeps_the_place(desk):
    assert [await desk.acquire(name) for name in ("exe_1", "exe_2", "exe_3", "exe_2")] == [0, 1, 2, 1]


async def test_locks_of_other_names_do_not_stand_in_the_way(desk):
    assert [await desk.acquire("exe_1"), await desk.acquire("exe_2", name="test")] == [0, 0]


async def test_giving_back_wakes_who_is_next_and_nobody_else(desk):
    for name in ("exe_1", "exe_2", "exe_3"):
        await desk.acquire(name)
    await desk.locks.release_scope("exe_1", "")
    assert desk.woken == [("exe_2", "a/lock")]


async def test_the_end_of_a_stage_gives_back_only_what_was_for_it(desk):
    await desk.acquire("exe_1", "a/lock", region="a")
    await desk.acquire("exe_1", "a/other", region="", name="test")
    await desk.locks.release_scope("exe_1", "a")
    assert [await desk.acquire("exe_2"), await desk.acquire("exe_2", name="test")] == [0, 1]


async def test_the_end_of_another_stage_gives_nothing_back(desk):
    await desk.acquire("exe_1", "ab/lock", region="ab")
    await desk.locks.release_scope("exe_1", "a")
    assert await desk.acquire("exe_2") == 1


@pytest.mark.parametrize(("region", "again"), [("", 0), ("a", 0), ("b", 1)])
async def test_a_lock_is_there_already_inside_the_region_it_is_held_for(desk, region, again):
    await desk.acquire("exe_1", "a/lock" if region != "b" else "b/lock", region=region)
    assert await desk.acquire("exe_1", "a/inner/lock", region="a") == again


async def test_an_execution_that_has_ended_holds_nothing(desk):
    await desk.acquire("exe_1")
    await desk.acquire("exe_2")
    await desk.end("exe_1")
    assert await desk.acquire("exe_2") == 0


async def test_a_holder_that_nobody_carries_loses_the_lock_and_is_told_so_once(desk):
    await desk.acquire("exe_1", ttl_s=SHORT_S)
    await desk.acquire("exe_2")  # in line, unless this machine was slow already
    await asyncio.sleep(2 * SHORT_S)  # the database's clock, which no test can move
    assert await desk.acquire("exe_2") == 0
    for _ in range(2):
        await desk.keep("exe_1")
    assert (desk.lost, await desk.acquire("exe_1")) == ([("exe_1", "prod")], 1)


async def test_a_holder_that_is_being_carried_keeps_the_lock(desk):
    await desk.acquire("exe_1", ttl_s=SHORT_S)
    await desk.keep("exe_1")
    await asyncio.sleep(2 * SHORT_S)
    assert await desk.acquire("exe_2") == 1


async def test_a_holder_whose_ticket_ran_out_keeps_the_lock_while_nobody_else_takes_it(desk):
    await desk.acquire("exe_1", ttl_s=SHORT_S)
    await asyncio.sleep(2 * SHORT_S)
    await desk.keep("exe_1")
    assert (await desk.acquire("exe_2"), desk.lost) == (1, [])


async def test_one_in_line_that_nobody_carries_holds_nobody_up(desk):
    await desk.acquire("exe_1")
    await desk.acquire("exe_2", ttl_s=SHORT_S)
    await desk.acquire("exe_3")
    await asyncio.sleep(2 * SHORT_S)
    await desk.locks.release_scope("exe_1", "")
    assert desk.woken == [("exe_3", "a/lock")]


async def test_a_wake_that_was_lost_is_made_good_for(desk):
    await desk.acquire("exe_1")
    await desk.acquire("exe_2")
    await desk.end("exe_1")  # and its process died before it gave anything back
    await desk.keep("exe_2")
    assert desk.woken == [("exe_2", "a/lock")]


async def test_who_has_the_lock_is_not_woken_again(desk):
    await desk.acquire("exe_1")
    await desk.keep("exe_1")
    assert desk.woken == []


async def test_of_processes_that_race_each_has_the_lock_once_and_never_two_at_a_time(desk, store_url):
    inside, most, turns = [], [], []

    async def race(name):
        database = open_database(store_url)
        journal = SqlJournal(database, desk.store.working, desk.clock, desk.store.signer)
        locks = desk.open(database, journal)
        while (await locks.acquire("prod", Holder(name, "a/lock"))).ahead:  # noqa: ASYNC110 - as a leg that looks again
            await asyncio.sleep(0.005)
        inside.append(name)
        await asyncio.sleep(0.01)
        most.append(len(inside))
        inside.remove(name)
        turns.append(name)
        await locks.release_scope(name, "")
        database.close()

    names = [f"exe_{number}" for number in range(10, 18)]
    await desk.start(*names)
    await asyncio.gather(*(race(name) for name in names))
    assert (max(most), sorted(turns)) == (1, names)


async def test_a_barrier_opens_for_all_when_the_last_has_come_and_wakes_the_others(desk):
    come = [await desk.locks.arrive("ready", "exe_1", path, of=3) for path in ("a/x", "b/x", "c/x")]
    assert (come, desk.woken) == ([False, False, True], [("exe_1", "a/x"), ("exe_1", "b/x")])
    assert await desk.locks.arrive("ready", "exe_1", "a/x", of=3)


async def test_coming_twice_is_coming_once(desk):
    come = [await desk.locks.arrive("ready", "exe_1", "a/x", of=2) for _ in range(3)]
    assert come == [False, False, False]


async def test_coming_again_in_another_attempt_is_still_one_branch(desk):
    come = [await desk.locks.arrive("ready", "exe_1", path, of=2) for path in ("a/x", "a/x~2", "b/x")]
    assert (come, desk.woken) == ([False, False, True], [("exe_1", "a/x~2")])


async def test_who_waits_at_a_barrier_is_roused_and_not_what_has_ended_itself(desk):
    for path in ("a/x", "b/x"):
        await desk.locks.arrive("ready", "exe_1", path, of=3)
    await desk.locks.rouse("ready", "exe_1", of=3, but="a")
    assert desk.woken == [("exe_1", "b/x")]


async def test_a_barrier_of_another_execution_is_another_barrier(desk):
    await desk.locks.arrive("ready", "exe_1", "a/x", of=2)
    assert not await desk.locks.arrive("ready", "exe_2", "b/x", of=2)


async def test_a_barrier_closes_behind_those_it_opened_for(desk):
    for path in ("a_0/x", "b_0/x"):
        await desk.locks.arrive("ready", "exe_1", path, of=2)
    again = [await desk.locks.arrive("ready", "exe_1", path, of=2) for path in ("a_1/x", "b_1/x")]
    assert again == [False, True]


async def test_who_ended_at_a_barrier_has_not_come_unless_it_had_opened(desk):
    async def leave(path):
        await desk.store.journal.append([], [Depart("exe_1", "ready", path, of=2)])

    await desk.locks.arrive("ready", "exe_1", "a/x", of=2)
    await leave("a/x")
    come = [await desk.locks.arrive("ready", "exe_1", path, of=2) for path in ("b/x", "a/x~2")]
    assert come == [False, True]
    await leave("b/x")
    assert await desk.locks.together("ready", "exe_1", "a/x~2", of=2) == ["b/x", "a/x~2"]


async def test_of_two_that_wait_for_each_other_the_younger_gives_way_whoever_asked_last(desk):
    for name, key in (("exe_1", "a"), ("exe_2", "b")):
        await desk.acquire(name, name=key)
    assert await desk.acquire("exe_2", "s/more", name="a") == 1
    assert await desk.acquire("exe_1", "s/more", name="b") == 1
    assert desk.woken == [("exe_2", "s/more")]
    assert await desk.acquire("exe_2", "s/more", name="a") == "circle"
    await desk.end("exe_2")
    assert await desk.acquire("exe_1", "s/more", name="b") == 0


async def test_a_circle_of_three_and_a_lock_of_a_stage_that_the_wait_stands_in(desk):
    for name, key in (("exe_1", "a"), ("exe_2", "b"), ("exe_3", "c")):
        await desk.acquire(name, name=key, region="s")
    asked = [("exe_1", "b"), ("exe_2", "c"), ("exe_3", "a")]
    assert [await desk.acquire(name, "s/more", name=key) for name, key in asked] == [1, 1, "circle"]


async def test_a_wait_outside_of_the_region_that_is_held_closes_no_circle(desk):
    for name, key in (("exe_1", "a"), ("exe_2", "b")):
        await desk.acquire(name, name=key, region="s")
    assert await desk.acquire("exe_1", "other/more", name="b") == 1
    assert await desk.acquire("exe_2", "other/more", name="a") == 1


async def test_a_circle_through_a_pipeline_that_was_chained_is_one(desk):
    await desk.start("exe_9", parent="exe_1", path="s/chain")
    await desk.acquire("exe_1", name="a", region="s")
    await desk.acquire("exe_2", name="b")
    assert await desk.acquire("exe_2", "t/more", name="a") == 1
    assert await desk.acquire("exe_9", "t/more", name="b") == "circle"


@pytest.mark.parametrize(("ceiling", "place"), [(1, "circle"), (2, 1)])
async def test_a_circle_through_a_pipeline_that_takes_one_at_a_time_is_one(desk, ceiling, place):
    await desk.start("exe_8", ceiling=ceiling)
    await desk.acquire("exe_1", name="a")
    assert await desk.acquire("exe_8", name="a") == 1
    await desk.start("exe_9", ceiling=ceiling, state=State.PENDING, parent="exe_1", path="s/chain")
    assert await desk.acquire("exe_8", name="a") == place


@pytest.mark.parametrize(("region", "ahead"), [("", 0), ("s", 0), ("other", 1)])
async def test_what_a_region_has_begun_has_its_lock_already(desk, region, ahead):
    await desk.start("exe_9", parent="exe_1", path="s/rollback")
    await desk.acquire("exe_1", region=region)
    assert await desk.acquire("exe_9") == ahead


async def test_a_circle_in_which_somebody_has_ended_meanwhile_is_none(desk):
    for name, key in (("exe_1", "a"), ("exe_2", "b")):
        await desk.acquire(name, name=key)
    await desk.acquire("exe_1", "s/more", name="b")
    await desk.end("exe_1")
    with pytest.raises(GuardError, match="circle"):
        await desk.store.journal.append([], [LeaveCircle("a", Holder("exe_2", "s/more"))])


async def test_nothing_of_an_execution_is_left_after_its_end(desk):
    await desk.acquire("exe_1", region="a")
    await desk.locks.arrive("ready", "exe_1", "a/x", of=2)
    await desk.locks.release_scope("exe_1", "")
    with desk.store.database.engine.connect() as connection:
        left = [len(connection.execute(table.select()).all()) for table in (lock_tickets, barrier_arrivals)]
    assert left == [0, 0]
