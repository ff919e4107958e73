"""`queue`: a named lock across executions. The step ends once it is held; it is given back when the stage or pipeline ends."""

from __future__ import annotations

from bridle.core.states import State
from bridle.engine.locks import Holder
from bridle.engine.steps import Ended, Ending, Leg, Waiting

LOOK_S = 5.0
MAX_LOOK_S = 600.0


async def perform_queue(leg: Leg) -> Ending:
    """Stand in line for the lock `key`, for the `scope` that it is wanted for."""
    key = str(leg.body["key"])
    region = "" if leg.body["scope"] == "pipeline" else leg.path.partition("/")[0]
    before = await leg.bench.locks.acquire(key, Holder(leg.execution.id, leg.path, region))
    if not before:
        return Ended(State.SUCCEEDED)
    return Waiting(look_again_s(leg), f"queued for {key}: {before} ahead")


def look_again_s(leg: Leg) -> float:
    """Return when to look again if no wake comes: soon at first, and seldom in a wait of weeks."""
    waited_s = (leg.bench.clock.now() - leg.started_at).total_seconds()
    return min(max(LOOK_S, waited_s / 4), MAX_LOOK_S)
