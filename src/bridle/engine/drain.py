"""Draining: a process that is to end finishes the steps in hand, begins none, and leaves the rest to others.

A leg that would begin while the process drains does not begin, and waits until the process ends. Nothing is written about it, so
whoever takes over begins it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from bridle.engine.durable import Run, Work


class Drain:
    """Counts the legs in hand of one process, and lets none begin once the process drains."""

    def __init__(self) -> None:
        self._in_hand = 0
        self._drains = False
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def leg(self) -> AsyncIterator[None]:
        """Hold a leg in hand; while the process drains, wait for its end instead."""
        if self._drains:
            await asyncio.Event().wait()
        self._in_hand += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._empty.set()

    async def settle(self, *, grace_s: float) -> int:
        """Begin nothing more, and return when nothing is in hand or the grace is over: how many legs are left."""
        self._drains = True
        try:
            await asyncio.wait_for(self._empty.wait(), grace_s)
        except TimeoutError:
            return self._in_hand
        return 0


class Carried:
    """The executions whose workflow, or a branch's, is under way in this process."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @contextmanager
    def hold(self, execution: str) -> Iterator[None]:
        """Count a workflow of the execution while it is under way."""
        self._counts[execution] += 1
        try:
            yield
        finally:
            self._counts[execution] -= 1
            self._counts += Counter()  # drops what has come to nothing

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._counts))


class DrainedRun:
    """A run whose steps are legs in hand. Implements `engine.durable.Run`."""

    def __init__(self, run: Run, drain: Drain) -> None:
        self._run = run
        self._drain = drain

    async def step(self, name: str, work: Work) -> dict[str, Any]:
        async with self._drain.leg():
            return await self._run.step(name, work)

    async def wait(self, *, timeout_s: float) -> None:
        await self._run.wait(timeout_s=timeout_s)

    async def branch(self, path: str, argument: Mapping[str, Any]) -> None:
        await self._run.branch(path, argument)

    async def first(self, paths: Sequence[str]) -> tuple[str, dict[str, Any]]:
        return await self._run.first(paths)
