"""The watch of a carrying process: what it does at once about wishes, beside looking at them before each leg.

A command that runs while its execution is cancelled is ended by the delegate that runs it, not waited for. The delegate is told
again at each look while the execution has not ended, because a command may have begun in between.
"""

from __future__ import annotations

import asyncio
import logging

from bridle.dispatch.protocol import Delegate
from bridle.engine.execution import Executions
from bridle.engine.interrupts import Wish

LOOK_S = 0.25

log = logging.getLogger("bridle.watch")


async def watch_wishes(executions: Executions, delegate: Delegate, *, every_s: float = LOOK_S) -> None:
    """Tell the delegate of every execution whose cancel is wanted, until this task is cancelled."""
    while True:
        try:
            for execution in await executions.wished(Wish.CANCEL):
                await delegate.cancel(execution)
        except Exception:  # a look that fails must not end the watching: it is logged, and tried again
            log.exception("the wishes could not be looked at")
        await asyncio.sleep(every_s)
