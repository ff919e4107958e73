"""The clock of a store: machines whose own clocks are wrong, or are moved, count the same windows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bridle.adapters.sql import store_clock
from bridle.adapters.sql.limits import SqlRooms
from bridle.adapters.sql.store_clock import StoreClock, look_again, open_clock
from bridle.core.clock import SystemClock
from bridle.gate.limits import Limit, LimitFull, TakeRoom, Use

ONE = Limit("pushes", Decimal(1), tools=("git.push",), within=timedelta(minutes=10))
postgresql = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


class WrongClock(datetime):
    """What a machine whose clock is a day ahead has for `datetime.now`."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=1)


@pytest.fixture
def a_day_ahead(monkeypatch):
    monkeypatch.setattr("bridle.core.clock.datetime", WrongClock)


@postgresql
async def test_a_machine_whose_clock_is_a_day_ahead_finds_a_limit_as_full_as_the_others_do(
    store, a_day_ahead
):
    mine, theirs = open_clock(store.database), SystemClock()
    assert theirs.now() - mine.now() > timedelta(hours=23)
    await store.journal.append([], [TakeRoom("one", (Use(ONE, ""),), datetime.now(UTC))])
    with pytest.raises(LimitFull):
        await store.journal.append([], [TakeRoom("two", (Use(ONE, ""),), mine.now())])
    (filling,) = await SqlRooms(store.database).fillings([ONE], now=mine.now())
    assert filling.used == 1


@postgresql
async def test_it_follows_the_database_whose_clock_is_set_and_keeps_time_while_that_is_away(
    store, monkeypatch
):
    clock, said = StoreClock(store.database), []

    def read(connection):
        said.append(connection)
        if len(said) == 1:
            return 2_000_000_000.0
        raise OSError("the database is away")

    monkeypatch.setattr(store_clock, "read_clock", read)
    for _ in range(2):
        await look_again(clock)
    assert len(said) == 2
    assert timedelta(0) <= clock.now() - datetime.fromtimestamp(2_000_000_000, UTC) < timedelta(minutes=1)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_sqlite_has_the_clock_of_its_machine(store):
    assert isinstance(open_clock(store.database), SystemClock)
