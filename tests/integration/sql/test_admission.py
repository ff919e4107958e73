"""The line of executions: who begins next, that no two processes admit one too many, and that nobody is held up by the dead."""

import asyncio
from dataclasses import dataclass, field

import pytest

from bridle.adapters.sql.admission import SqlLine
from bridle.adapters.sql.database import open_database
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.kills import SqlKills
from bridle.adapters.sql.leases import Leases
from bridle.core.ids import new_id
from bridle.core.states import State
from bridle.engine.admission import Admission, AdmitExecution, Limits
from bridle.engine.execution import Execution, MoveExecution, StartExecution
from bridle.engine.interrupts import Wish, WishExecution
from bridle.engine.serving import Server
from bridle.trust.journal import GuardError
from bridle.trust.kills import Kill, Killed, LiftKill, MakeKill, Scope

WITHIN_S = 60.0


@dataclass
class Desk:
    """A store and the processes that stand in line on it."""

    store: object
    clock: object
    executions: SqlExecutions
    line: SqlLine
    processes: list = field(default_factory=list)

    async def process(self, name, *, account=None, serves=False):
        """A process that is alive, or not if it is called dead."""
        if name != "dead":
            await Leases(self.store.database).enter(name)
        admission = Admission(
            journal=self.store.journal, line=self.line, process=name, limits=Limits(WITHIN_S, account)
        )
        if serves:
            await admission.serve(serves=True)
        return admission

    async def kill(self, scope, name=""):
        kill = Kill(new_id("kil"), scope, name, "it pays twice", "user:ana", self.clock.now())
        await self.store.journal.append([], [MakeKill(kill)])
        return (await SqlKills(self.store.database).standing())[-1]

    async def queue(self, pipeline="p", *, ceiling=None, by="one", parent="", undoes=""):
        execution = Execution(
            id=new_id("exe"),
            pipeline=pipeline,
            plan={},
            plan_digest="",
            inputs={},
            options={**({"parent": parent} if parent else {}), **({"undoes": undoes} if undoes else {})},
            initiator="user:ana",
            state=State.PENDING,
            note="",
            started_at=self.clock.now(),
        )
        await self.store.journal.append([], [StartExecution(execution, ceiling=ceiling, waiter=by)])
        return execution.id

    async def move(self, execution, state):
        await self.store.journal.append([], [MoveExecution(execution, state, "", self.clock.now())])

    async def state(self, execution):
        return (await self.executions.get(execution)).state

    async def note(self, execution):
        return (await self.executions.get(execution)).note

    async def serve_all(self, admission):
        """Begin what may begin and end it, one after the other; return the order."""
        order = []
        while begun := await admission.admit_abandoned():
            order.append(begun)
            await self.move(begun, State.SUCCEEDED)
        return order


async def holds_nothing():
    return set()


@dataclass
class FakeControl:
    """Begins executions by doing nothing."""

    executions: SqlExecutions

    async def get(self, execution):
        return await self.executions.get(execution)

    async def carry_on(self, execution):
        pass


@pytest.fixture
def desk(store, clock):
    return Desk(store, clock, SqlExecutions(store.database), SqlLine(store.database))


async def test_within_a_pipeline_the_first_come_is_the_first_admitted(desk):
    server = await desk.process("server", account=1, serves=True)
    queued = [await desk.queue(by="") for _ in range(5)]
    assert await desk.serve_all(server) == queued


async def test_executions_are_numbered_within_their_pipeline_and_a_rollback_as_what_it_undoes(desk):
    first, other, second = await desk.queue(), await desk.queue("other"), await desk.queue()
    undone = await desk.queue(undoes=first)
    third = await desk.queue()
    found = [(await desk.executions.get(one)).number for one in (first, other, second, undone, third)]
    assert found == [1, 1, 2, 1, 3]


async def test_a_flood_on_one_pipeline_starves_no_other(desk):
    server = await desk.process("server", account=1, serves=True)
    flood = [await desk.queue("flood", by="") for _ in range(20)]
    late = [await desk.queue("late", by="") for _ in range(2)]
    assert await desk.serve_all(server) == [flood[0], late[0], flood[1], late[1], *flood[2:]]


async def test_a_pipeline_at_its_ceiling_lets_others_pass(desk):
    server = await desk.process("server", serves=True)
    full = [await desk.queue("full", ceiling=1, by="") for _ in range(2)]
    other = await desk.queue("other", by="")
    begun = [await server.admit_abandoned() for _ in range(3)]
    assert begun == [full[0], other, ""]


async def test_the_next_begins_when_one_ends(desk):
    one = await desk.process("one")
    first, second = [await desk.queue(ceiling=1) for _ in range(2)]
    assert (await one.admit(first), await one.admit(second)) == (True, False)
    await desk.move(first, State.FAILED)
    assert await one.admit(second)


@pytest.mark.parametrize("state", [State.WAITING, State.PAUSED])
async def test_what_waits_keeps_its_pipelines_place_and_frees_the_accounts(desk, state):
    one = await desk.process("one", account=1)
    first, same, other = await desk.queue(ceiling=1), await desk.queue(ceiling=1), await desk.queue("other")
    assert await one.admit(first)
    assert not await one.admit(other)
    await desk.move(first, state)
    assert (await one.admit(same), await one.admit(other)) == (False, True)


async def test_one_in_line_says_how_many_are_before_it(desk):
    await desk.process("one")
    queued = [await desk.queue() for _ in range(3)]
    assert await desk.note(queued[2]) == "queued: 2 ahead"


async def test_the_end_of_one_shortens_the_line(desk):
    one = await desk.process("one")
    queued = [await desk.queue() for _ in range(3)]
    await one.admit(queued[0])
    assert [await desk.note(execution) for execution in queued] == ["", "queued: 0 ahead", "queued: 1 ahead"]


async def test_a_command_begins_only_its_own(desk):
    one, two = await desk.process("one"), await desk.process("two")
    first, second = await desk.queue(ceiling=1, by="one"), await desk.queue(ceiling=1, by="two")
    assert (await two.admit(second), await two.admit_abandoned()) == (False, "")
    assert await one.admit(first)


async def test_one_whose_process_died_holds_nobody_up(desk):
    one = await desk.process("one")
    await desk.queue(ceiling=1, by="dead")
    mine = await desk.queue(ceiling=1, by="one")
    assert await one.admit(mine)


async def test_one_whose_process_died_has_its_turn_where_somebody_serves(desk):
    one, server = await desk.process("one"), await desk.process("server", serves=True)
    left = await desk.queue(ceiling=1, by="dead")
    mine = await desk.queue(ceiling=1, by="one")
    assert not await one.admit(mine)
    assert await server.admit_abandoned() == left


async def test_a_server_leaves_to_a_live_command_what_it_stands_for(desk):
    await desk.process("one")
    server = await desk.process("server", serves=True)
    await desk.queue(by="one")
    assert await server.admit_abandoned() == ""


async def test_what_runs_nowhere_takes_none_of_the_accounts_room(desk):
    dead, one = await desk.process("dead"), await desk.process("one", account=1)
    left, mine = await desk.queue(), await desk.queue("other")
    await desk.store.journal.append([], [AdmitExecution(left, "dead", dead._limits)])
    assert (await desk.state(left), await one.admit(mine)) == (State.RUNNING, True)


async def test_what_a_process_carries_on_takes_room_again(desk):
    dead, one = await desk.process("dead"), await desk.process("one", account=1)
    left, mine = await desk.queue(), await desk.queue("other")
    await desk.store.journal.append([], [AdmitExecution(left, "dead", dead._limits)])
    assert await one.stand(await desk.executions.get(left))
    assert not await one.admit(mine)


async def test_what_was_admitted_by_one_that_died_is_found_until_somebody_stands_for_it(desk):
    dead, server = await desk.process("dead"), await desk.process("server", serves=True)
    await desk.process("one")
    left = await desk.queue(by="one")
    await desk.store.journal.append([], [AdmitExecution(left, "dead", dead._limits)])
    assert await server.left_behind() == [left]
    await server.stand(await desk.executions.get(left))
    assert await server.left_behind() == []


async def test_what_is_to_be_cancelled_passes_everybody_and_every_limit(desk):
    one = await desk.process("one", account=1)
    running, before, cancelled = [await desk.queue(ceiling=1) for _ in range(3)]
    assert await one.admit(running)
    await desk.store.journal.append([], [WishExecution(cancelled, Wish.CANCEL)])
    assert (await one.admit(before), await one.admit(cancelled)) == (False, True)


async def test_what_is_paused_in_line_lets_others_pass(desk):
    one = await desk.process("one")
    paused, behind = [await desk.queue(ceiling=1) for _ in range(2)]
    await desk.store.journal.append([], [WishExecution(paused, Wish.PAUSE)])
    assert (await one.admit(paused), await one.admit(behind)) == (False, True)


async def test_a_turn_that_has_not_come_changes_nothing(desk):
    await desk.process("one")
    first, second = await desk.queue(), await desk.queue()
    with pytest.raises(GuardError):
        await desk.store.journal.append([], [AdmitExecution(second, "one", Limits(WITHIN_S))])
    assert [await desk.state(execution) for execution in (first, second)] == [State.PENDING] * 2


async def test_a_turn_that_came_and_went_is_refused(desk):
    """What one process has read is old by the time it writes: another has taken the last place."""
    one, limits = await desk.process("one", account=1), Limits(WITHIN_S, account=1)
    first, second = await desk.queue(), await desk.queue("other")
    assert (await desk.line.next(limits)).execution == first
    await desk.store.journal.append([], [WishExecution(first, Wish.PAUSE)])
    assert await one.admit(second)
    await desk.store.journal.append([], [WishExecution(first, Wish.NONE)])
    with pytest.raises(GuardError):
        await desk.store.journal.append([], [AdmitExecution(first, "one", limits)])


async def test_a_process_that_stopped_serving_is_not_one_that_serves(desk):
    server = await desk.process("server", serves=True)
    before = await server.is_served()
    await server.serve(serves=False)
    assert (before, await server.is_served()) == (True, False)


async def test_a_server_says_that_it_serves_only_when_others_see_it(desk):
    admission, stop, other = await desk.process("server"), asyncio.Event(), await desk.process("other")
    seen = asyncio.get_running_loop().create_future()
    server = Server(None, admission, held=holds_nothing, tell=print)
    serving = asyncio.create_task(
        server.serve(stop, lost=asyncio.Event(), ready=lambda: seen.set_result(True))
    )
    await seen
    assert await other.is_served()
    stop.set()
    await serving


async def test_a_server_tells_that_an_execution_waits_although_no_record_says_so(desk):
    execution, told, stop = await desk.queue(by=""), asyncio.Queue(), asyncio.Event()
    admission = await desk.process("server", serves=True)
    server = Server(FakeControl(desk.executions), admission, held=holds_nothing, tell=told.put_nowait)
    desk.store.journal.listeners.append(server.hear)
    serving = asyncio.create_task(server.serve(stop, lost=asyncio.Event()))
    assert (await told.get()).what == "taken"
    await desk.move(execution, State.WAITING)
    assert (await asyncio.wait_for(told.get(), timeout=20)).what == "waiting"
    stop.set()
    await serving


async def test_processes_that_race_never_admit_one_too_many(desk, store_url):
    """Each has a connection of its own; what is under way is counted after every turn that anybody took."""
    limits, most = Limits(WITHIN_S, account=3), []
    await desk.process("server", serves=True)
    queued = [await desk.queue(f"p{number % 4}", ceiling=2, by="") for number in range(24)]

    async def race(number):
        await desk.process(f"racer-{number}")
        database = open_database(store_url)
        journal = SqlJournal(database, desk.store.working, desk.clock, desk.store.signer)
        racer = Admission(journal=journal, line=SqlLine(database), process=f"racer-{number}", limits=limits)
        begun = []
        while not await all_begun(desk):
            if execution := await racer.admit_abandoned():
                most.append(len(await desk.executions.find(states=[State.RUNNING])))
                begun.append(execution)
                await desk.move(execution, State.SUCCEEDED)
        database.close()
        return begun

    begun = await asyncio.gather(*(race(number) for number in range(4)))
    assert sorted(execution for each in begun for execution in each) == sorted(queued)
    assert max(most) <= limits.account


async def all_begun(desk):
    return not await desk.executions.find(states=[State.PENDING])


async def test_nothing_of_a_killed_pipeline_begins_but_to_end_and_others_pass(desk):
    server = await desk.process("one", serves=True)
    killed, child, other = await desk.queue("p"), await desk.queue("q"), await desk.queue("r")
    child = await desk.queue("q", parent=killed)
    kill = await desk.kill(Scope.PIPELINE, "p")
    assert {*kill.concerned} == {killed, child}
    assert [await desk.executions.wish(one) for one in (killed, child, other)] == ["cancel", "cancel", ""]
    for start in (lambda: desk.queue("p"), lambda: desk.queue("q", parent=killed)):
        with pytest.raises(Killed):
            await start()
    assert (await desk.serve_all(server))[:2] == [killed, child]
    await desk.store.journal.append([], [LiftKill(kill.id, desk.clock.now())])
    await desk.queue("p")


async def test_nothing_that_was_queued_begins_while_everything_is_killed(desk):
    server = await desk.process("one", serves=True)
    execution = await desk.queue()
    await desk.kill(Scope.ALL)
    await desk.store.journal.append([], [MoveExecution(execution, State.CANCELLED, "", desk.clock.now())])
    with pytest.raises(Killed):
        await desk.queue()
    assert await desk.serve_all(server) == []
