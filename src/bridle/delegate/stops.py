"""Stops: what runs here for which workspace, and how it is told to end at once.

Rules
  1. Telling works from any thread and any number of times; what doesn't run is not told, and that is no error.
  2. Who waits for a workspace is told as well, and then never begins.
  3. Work that is told to stop has ended, with everything it started, before anybody is answered.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bridle.core.errors import ExecutionError

Answer = TypeVar("Answer")


class CancelledHere(ExecutionError):
    """It was told to stop."""

    default_reason = "cancelled"


class Stop:
    """Whether one task shall stop."""

    def __init__(self) -> None:
        self.told = False
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def tell(self) -> bool:
        """Tell the task to stop; True the first time."""
        first, self.told = not self.told, True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._event.set)
        return first

    def check(self) -> None:
        """Raise CancelledHere when the task was told."""
        if self.told:
            raise CancelledHere("cancelled before it began; nothing was done")

    async def unless_told(self, work: Coroutine[Any, Any, Answer]) -> Answer | None:
        """Return what `work` comes to; cancel it and return None as soon as the task is told."""
        self._loop = asyncio.get_running_loop()
        if self.told:  # looked at after the loop is known, so that no word is lost in between
            work.close()
            return None
        doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            doing.cancel()
            await asyncio.wait({doing})
        return None if doing.cancelled() else doing.result()


class Stops:
    """The tasks of one delegate that are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Stop, str] = {}

    @contextmanager
    def entered(self, workspace: str) -> Iterator[Stop]:
        """Give a task for `workspace` its stop, for as long as it is under way."""
        stop = Stop()
        with self._lock:
            self._running[stop] = workspace
        try:
            yield stop
        finally:
            with self._lock:
                del self._running[stop]

    def tell(self, name: str) -> int:
        """Tell all that run for the workspace `name` or for one whose name begins with it and a dot; return how many."""
        with self._lock:
            return sum(stop.tell() for stop in self._of(name))

    def count(self, name: str) -> int:
        """Return how many of these are under way, told or not."""
        with self._lock:
            return len(self._of(name))

    def _of(self, name: str) -> list[Stop]:
        return [
            stop
            for stop, workspace in self._running.items()
            if workspace == name or workspace.startswith(f"{name}.")
        ]
