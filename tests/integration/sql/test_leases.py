"""Leases: who is alive, whose work may be taken, and that nobody writes after it was."""

import asyncio
import threading
from dataclasses import replace

import pytest

from bridle.adapters.sql import database
from bridle.adapters.sql.database import open_database
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.journal_head import LOCK
from bridle.adapters.sql.leases import LeaseLost, Leases
from bridle.adapters.sql.process import Process, this_process
from bridle.adapters.sql.schema import workers
from bridle.core.errors import UnavailableError
from bridle.trust.journal import Entry, Kind

FOR_EVER_S = 3600.0
ENTRY = Entry(Kind.STEP_STARTED, "exe_1", "a", {})


@pytest.fixture
def leases(store):
    return Leases(store.database)


def describe(store, worker: str, process: Process):
    values = {"machine": process.machine, "pid": process.pid, "started": process.started}
    with store.database.engine.begin() as connection:
        connection.execute(workers.update().where(workers.c.id == worker).values(**values))


def silence(store, worker: str):
    """Let the last beat lie two hours back."""
    with store.database.engine.begin() as connection:
        older = workers.c.beat_at - 2 * FOR_EVER_S
        connection.execute(workers.update().where(workers.c.id == worker).values(beat_at=older))


async def append_for_ever(journal):
    while True:
        await journal.append([ENTRY])


async def test_a_process_is_alive_after_it_entered(leases):
    await leases.enter("one")
    assert await leases.live(within_s=FOR_EVER_S) == {"one"}


async def test_a_silent_process_is_not_alive(store, leases):
    await leases.enter("one")
    silence(store, "one")
    assert await leases.live(within_s=FOR_EVER_S) == set()


async def test_a_process_that_ended_on_this_machine_is_not_alive(store, leases):
    await leases.enter("one")
    describe(store, "one", replace(this_process(), started=1))  # the id is in use again
    assert await leases.live(within_s=FOR_EVER_S) == set()


async def test_a_process_on_another_machine_is_judged_by_its_lease_alone(store, leases):
    await leases.enter("one")
    describe(store, "one", Process("another machine", 999_999_999, 1))
    assert await leases.live(within_s=FOR_EVER_S) == {"one"}


async def test_the_lease_of_a_live_process_is_not_taken(leases):
    await leases.enter("one")
    assert await leases.take({"one"}, within_s=FOR_EVER_S) == set()


async def test_the_dead_are_forgotten_and_whoever_carries_work_is_not(store, leases):
    for name in ("dead", "dead and needed", "alive"):
        await leases.enter(name)
    silence(store, "dead")
    silence(store, "dead and needed")
    await leases.forget_dead(within_s=FOR_EVER_S, but={"dead and needed"})
    assert await leases.known() == {"dead and needed", "alive"}


async def test_one_that_enters_while_the_dead_are_looked_for_keeps_its_lease(leases, monkeypatch):
    live = leases.live

    async def live_and_then_somebody_enters(*, within_s):
        found = await live(within_s=within_s)
        await leases.enter("newcomer")
        return found

    monkeypatch.setattr(leases, "live", live_and_then_somebody_enters)
    await leases.forget_dead(within_s=FOR_EVER_S, but=())
    assert await leases.known() == {"newcomer"}


async def test_a_taken_lease_cannot_be_renewed(store, leases):
    await leases.enter("one")
    silence(store, "one")
    assert await leases.take({"one"}, within_s=FOR_EVER_S) == {"one"}
    with pytest.raises(LeaseLost):
        await leases.beat("one")


async def test_a_lease_that_ran_out_is_renewed_when_nobody_took_it(store, leases):
    await leases.enter("one")
    silence(store, "one")
    await leases.beat("one")
    assert await leases.live(within_s=FOR_EVER_S) == {"one"}


async def test_whoever_lost_its_lease_writes_nothing_into_the_journal(store, leases):
    await leases.enter("one")
    store.journal.holder = "one"
    silence(store, "one")
    await leases.take({"one"}, within_s=FOR_EVER_S)
    with pytest.raises(LeaseLost):
        await store.journal.append([ENTRY])
    assert await store.journal.read() == []


async def test_whose_lease_is_missing_writes_nothing_into_the_journal(store, leases):
    store.journal.holder = "one"
    with pytest.raises(LeaseLost):
        await store.journal.append([ENTRY])


async def test_a_record_is_either_there_before_the_lease_is_taken_or_never(store, store_url, clock, leases):
    await leases.enter("one")
    other = open_database(store_url)
    journal = SqlJournal(other, store.working, clock, store.signer)
    journal.holder = "one"
    appending = asyncio.create_task(append_for_ever(journal))
    while not await store.journal.read():  # noqa: ASYNC110 - a row appears, no event
        await asyncio.sleep(0)
    silence(store, "one")
    await leases.take({"one"}, within_s=FOR_EVER_S)
    when_taken = await store.journal.read()
    with pytest.raises(LeaseLost):
        await appending
    other.close()
    assert await store.journal.read() == when_taken


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_who_stops_in_the_middle_of_a_write_does_not_keep_the_others_from_theirs(
    store, store_url, monkeypatch
):
    monkeypatch.setattr(database, "IDLE_S", 0.3)
    stopped, held, goes_on = open_database(store_url), threading.Event(), threading.Event()

    def stop(connection):
        LOCK.rows(connection)
        held.set()
        goes_on.wait(30)
        LOCK.rows(connection)

    writing = asyncio.create_task(stopped.write(stop))
    await asyncio.to_thread(held.wait, 30)
    await asyncio.wait_for(store.journal.append([ENTRY]), 30)
    goes_on.set()
    with pytest.raises(UnavailableError):
        await writing
    stopped.close()
