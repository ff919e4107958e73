"""The store's writer, over a fake that transacts nothing: what shares a transaction, and what becomes of each write."""

import asyncio
import threading

import pytest

from bridle.adapters.sql.writer import MOST, Writer
from bridle.core.errors import TrustError, UnavailableError


class FakeTransactions:
    """Runs what it is given and notes how many works were in each transaction; holds the first until it is let go."""

    def __init__(self, broken: Exception | None = None) -> None:
        self.sizes: list[int] = []
        self.synced: list[bool] = []
        self.asked = 0
        self.go = threading.Event()
        self._broken = broken

    def __call__(self, work, synced):
        self.go.wait(10)
        self.asked += 1
        if self._broken:
            raise self._broken
        done = work(None)
        self.sizes.append(len(done))
        self.synced.append(synced)
        return done


@pytest.fixture
def transactions():
    return FakeTransactions()


@pytest.fixture
def writer(transactions):
    opened = Writer(transactions)
    yield opened
    opened.close()


async def write_all(writer, transactions, works, *, shares=True, synced=True):
    """Have one write under way, all others wait behind it, and let them go."""
    first = asyncio.create_task(writer.write(lambda _: "first", synced=True, shares=False))
    waiting = [asyncio.create_task(writer.write(work, synced=synced, shares=shares)) for work in works]
    await asyncio.sleep(0)
    transactions.go.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


def refuse(_):
    raise TrustError("not this one")


async def test_writes_that_wait_share_one_transaction_and_each_gets_its_own_answer(writer, transactions):
    answers = await write_all(writer, transactions, [lambda _, number=number: number for number in range(5)])
    assert (answers, transactions.sizes) == ([0, 1, 2, 3, 4], [1, 5])


async def test_a_write_that_fails_costs_no_other_its_own(writer, transactions):
    answers = await write_all(writer, transactions, [lambda _: "a", refuse, lambda _: "b"])
    assert [str(answer) for answer in answers] == ["a", "not this one", "b"]
    assert transactions.sizes == [1, 1, 1]


async def test_what_may_not_share_has_a_transaction_of_its_own(writer, transactions):
    await write_all(writer, transactions, [lambda _: 1, lambda _: 2], shares=False)
    assert transactions.sizes == [1, 1, 1]


async def test_one_that_must_be_on_the_disk_takes_those_beside_it_there(writer, transactions):
    loose = asyncio.create_task(writer.write(lambda _: 0, synced=False, shares=True))
    await write_all(writer, transactions, [lambda _: 1], synced=True)
    await loose
    assert transactions.synced[-1] is True


async def test_no_transaction_grows_without_end(writer, transactions):
    await write_all(writer, transactions, [lambda _: 0] * (MOST + 1))
    assert transactions.sizes == [1, MOST, 1]


async def test_a_store_that_does_not_answer_is_asked_once_for_all_that_wait():
    gone = FakeTransactions(UnavailableError("the store does not answer"))
    writer = Writer(gone)
    waiting = [
        asyncio.create_task(writer.write(lambda _: 0, synced=True, shares=number > 0)) for number in range(3)
    ]
    await asyncio.sleep(0)
    gone.go.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    writer.close()
    assert ([type(answer) for answer in answers], gone.asked) == ([UnavailableError] * 3, 2)


async def test_who_stops_waiting_does_not_stop_the_others(writer, transactions):
    impatient = asyncio.create_task(writer.write(lambda _: "gone", synced=True, shares=True))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await write_all(writer, transactions, [lambda _: "stays"]) == ["stays"]
