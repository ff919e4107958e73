"""The clock of a store: on PostgreSQL the database's, so that windows, expiries and records of several machines agree.

Between two looks at the database it goes by what has elapsed here since, asleep or not. So a machine whose own clock is wrong,
or is moved, counts as every other does. SQLite lies on this machine, and all its processes have this machine's clock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import DBAPIError

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.leases import read_clock
from bridle.core.clock import Clock, SystemClock

LOOK_S = 5.0
ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the first counts a machine's sleep as well

log = logging.getLogger("bridle.clock")


class StoreClock(Clock):
    """The database's clock, as it was read last."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self.look()

    def now(self) -> datetime:
        read_at, moment = self._read
        return moment + timedelta(seconds=time.clock_gettime(ELAPSED) - read_at)

    def look(self) -> None:
        """Read the database's clock; what it says is of some moment between the question and the answer."""
        with self._engine.connect() as connection:
            asked = time.clock_gettime(ELAPSED)
            moment = datetime.fromtimestamp(read_clock(connection), UTC)
            self._read = (asked + time.clock_gettime(ELAPSED)) / 2, moment


def open_clock(database: Database) -> Clock:
    """Return the clock of a store."""
    return StoreClock(database) if database.engine.dialect.name == "postgresql" else SystemClock()


async def look_again(clock: Clock) -> None:
    """Look at the database's clock once more, where it is the store's."""
    if isinstance(clock, StoreClock):
        try:
            await asyncio.to_thread(clock.look)
        except (DBAPIError, OSError) as error:  # the database is away: what has elapsed here still counts
            log.warning("the database's clock could not be read: %s", error)
