"""Writes to the database, in one order, from one thread of the store's own.

A write that may share (an append to the journal) goes into one transaction with those that wait beside it: whoever waits for the
disk waits for it once. Nobody is told before the commit. When one of them fails, the transaction is taken back and each is done
alone, so what one may not do never costs another its write. Whatever is given here may therefore be run twice, and changes
nothing but the database.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from bridle.core.errors import UnavailableError

T = TypeVar("T")
Work = Callable[[Connection], Any]
Transact = Callable[[Work, bool], Any]  # runs one work in a transaction of its own: (work, synced)

MOST = 64  # writes in one transaction: more would keep the first of them waiting for no further gain


@dataclass(frozen=True)
class _Write:
    work: Work
    synced: bool
    shares: bool
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]

    def tell(self, result: Any, error: BaseException | None) -> None:
        if self.done.done():  # whoever asked was cancelled
            return
        if error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error)


class Writer:
    """The thread that writes; `transact` is how."""

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._waiting: deque[_Write] = deque()
        self._joining = threading.Lock()  # two loops may write at once

    async def write(self, work: Callable[[Connection], T], *, synced: bool, shares: bool) -> T:
        """Run `work` in a write transaction and return what it returned, once that is committed."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        with self._joining:
            self._waiting.append(_Write(work, synced, shares, loop, done))
            is_first = len(self._waiting) == 1
        if (
            is_first
        ):  # the others are done on its way: a thread that is told once for all of them costs a third less
            self._thread.submit(self._drain)
        return await done

    def close(self) -> None:
        """Do what waits, and end."""
        self._thread.shutdown()

    def _drain(self) -> None:
        """Do what waits, until nothing does. Whatever comes later finds nothing waiting, and has this done again."""
        while self._waiting:
            self._next()

    def _next(self) -> None:
        """Do the first that waits, and those that may share its transaction."""
        writes = [self._waiting.popleft()]
        while writes[0].shares and self._waiting and self._waiting[0].shares and len(writes) < MOST:
            writes.append(self._waiting.popleft())
        _tell(writes, self._perform(writes))

    def _perform(self, writes: list[_Write]) -> list[tuple[Any, BaseException | None]]:
        try:
            synced = any(write.synced for write in writes)
            results = self._transact(lambda connection: [write.work(connection) for write in writes], synced)
        except UnavailableError as error:  # the store, not one of the writes
            return [(None, error)] * len(writes)
        except BaseException as error:
            if len(writes) == 1:
                return [(None, error)]
            return [answer for write in writes for answer in self._perform([write])]
        return [(result, None) for result in results]


def _tell(writes: list[_Write], answers: list[tuple[Any, BaseException | None]]) -> None:
    """Wake each loop once, not once for each write."""

    def tell() -> None:
        for write, (result, error) in zip(writes, answers, strict=True):
            write.tell(result, error)

    loops = {write.loop for write in writes}
    if len(loops) == 1:
        loops.pop().call_soon_threadsafe(tell)
        return
    for write, (result, error) in zip(writes, answers, strict=True):
        write.loop.call_soon_threadsafe(write.tell, result, error)
