"""Rounds: what a process does again and again beside its work, such as a sweep or a look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bridle.core.errors import BridleError

log = logging.getLogger("bridle.rounds")


@dataclass(frozen=True)
class Round:
    """What is done, how long after one round the next begins, and what is logged when one fails."""

    doing: Callable[[], Awaitable[object]]
    every_s: float
    failing: str


@asynccontextmanager
async def kept(rounds: Iterable[Round]) -> AsyncIterator[None]:
    """Keep rounds going while the block lasts."""
    tasks = [asyncio.create_task(_keep(each)) for each in list(rounds)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(this: Round) -> None:
    while True:
        try:
            await this.doing()
        except BridleError as error:
            log.warning("%s: %s", this.failing, error)
        except Exception:  # a bug in one round must not end what rests on the next ones
            log.exception(this.failing)
        await asyncio.sleep(this.every_s)
