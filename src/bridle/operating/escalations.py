"""Escalations: tells when a request has waited so long that more people may answer it.

Who may answer is the terms' and the moment's (trust.quorum), whether anybody was told or not. A process that starts
tells once more of what has escalated before and still waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bridle.core.clock import Clock
from bridle.gate.approvals import Approval, Approvals, ApprovalState

LOOK_EVERY_S = 30.0


async def watch_escalations(
    approvals: Approvals,
    clock: Clock,
    tell: Callable[[Approval], None],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tell of each open request once its escalation has begun, for ever."""
    told: set[str] = set()
    while True:
        now = clock.now()
        for found in await approvals.find(states=(ApprovalState.OPEN,)):
            begins = found.escalates_at
            due = begins is not None and begins <= now and found.state_at(now) is ApprovalState.OPEN
            if due and found.id not in told:
                told.add(found.id)
                tell(found)
        await sleep(LOOK_EVERY_S)


def describe_escalation(found: Approval) -> dict[str, str]:
    """Return what is told: the request, and who may answer it as well."""
    further = found.terms.escalation
    assert further is not None  # it was told because of it
    names = [*(f"user {name}" for name in further.users), *(f"group {name}" for name in further.groups)]
    return {"approval": found.id, "tool": found.tool, "execution": found.execution, "to": ", ".join(names)}
