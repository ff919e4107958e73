"""Keeps the lease of this process, and takes over what a dead one left.

Rules
  1. A process writes its lease before it launches, and beats once a second.
  2. The look starts from pending work, not from leases: what no live process holds is recovered, and a lease is forgotten only
     when nothing is pending under it and its process is gone for certain or silent for long. One that carries nothing and was
     late has lost nothing.
  3. A process that does not take over (a command of one execution) recovers only what it was told to carry.
  4. What is recovered is woken: a wake may have died with the process, between what it had recorded and its message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any

from bridle.adapters.dbos.held import list_holders, list_pending, recover
from bridle.adapters.dbos.names import root_of
from bridle.adapters.dbos.run import send_wake
from bridle.adapters.sql.leases import LeaseLost, Leases
from bridle.core.errors import UnavailableError
from bridle.engine.durable import Timing

FORGET_S = 3600.0  # a stalled machine is silent for seconds, one that lost its network for minutes

log = logging.getLogger("bridle.durable")


class Reaper:
    """One process's lease, and its looks for what others left.

    `wanted` is what a process that does not take over carries all the same. `lost` is set once another process has taken over
    what this one was carrying.
    """

    def __init__(self, leases: Leases, executor: str, timing: Timing, *, takes_over: bool) -> None:
        self._leases = leases
        self._executor = executor
        self._timing = timing
        self._takes_over = takes_over
        self._silent: asyncio.Future[UnavailableError] | None = None
        self._beating: asyncio.Task[None] | None = None
        self.wanted: set[str] = set()
        self.lost = asyncio.Event()

    async def enter(self) -> None:
        """Write the lease; what this process carries is its own from now on."""
        await self._leases.enter(self._executor)
        self._silent = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Beat, and look, until `close`."""
        self._beating = asyncio.create_task(self._beat_and_reap(), name="durable-reaper")

    async def close(self) -> None:
        """Stop beating. The lease stays until `leave`: what is under way still counts."""
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating

    async def leave(self) -> None:
        """Remove the lease."""
        await self._leases.forget(self._executor)

    async def live(self) -> set[str]:
        """Return the processes that are alive."""
        return await self._leases.live(within_s=self._timing.lease_s)

    async def reap(self) -> None:
        """Recover what no live process holds; then forget the leases under which nothing is pending."""
        holders = await list_holders()
        pending = await list_pending(holders - await self.live() - {self._executor})
        orphans = {
            workflow: holder
            for workflow, holder in pending.items()
            if self._takes_over or root_of(workflow) in self.wanted
        }
        if orphans:
            taken = await self._leases.take({*orphans.values()}, within_s=self._timing.lease_s)
            orphans = {workflow: holder for workflow, holder in orphans.items() if holder in taken}
            for workflow in await recover(orphans):
                await send_wake(workflow)
            holders = await list_holders()
        await self._leases.forget_dead(
            within_s=max(FORGET_S, self._timing.lease_s), but={self._executor, *holders}
        )

    async def unless_silent(self, result: Coroutine[Any, Any, Any]) -> Any:
        """Return the result; raise what the store says once it has been silent for longer than a lease.

        The engine itself waits for its tables without an end, and without a word.
        """
        assert self._silent is not None, "enter first"
        waiting = asyncio.ensure_future(result)
        try:
            await asyncio.wait({waiting, self._silent}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise self._silent.result()
            return waiting.result()
        finally:
            waiting.cancel()

    async def _beat_and_reap(self) -> None:
        said, heard = "", time.monotonic()
        while True:
            await asyncio.sleep(self._timing.beat_s)
            try:
                await self._leases.beat(self._executor)
                await self.reap()
                said, heard = "", time.monotonic()
            except LeaseLost:
                log.warning("another process has taken over what this one was carrying")
                self.lost.set()
                return
            except UnavailableError as error:
                self._note_silence(error, since_s=time.monotonic() - heard)
                if said != str(error):  # said once, not at each beat
                    said = str(error)
                    log.warning("the lease is renewed once this has passed: %s", error)
            except Exception:  # a beat that fails must not end the beating: it is logged, and tried again
                log.exception("the lease could not be renewed")

    def _note_silence(self, error: UnavailableError, *, since_s: float) -> None:
        """A server waits until its store is back; a command of one execution ends, to be resumed."""
        expired = since_s > self._timing.lease_s and not self._takes_over
        if expired and self._silent is not None and not self._silent.done():
            self._silent.set_result(error)
