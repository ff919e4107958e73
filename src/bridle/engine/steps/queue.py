"""`queue`: a named lock across executions. The step ends once it is held; it is given back when the stage or pipeline ends."""

from __future__ import annotations

from bridle.core.states import State
from bridle.engine.locks import Holder, Place
from bridle.engine.steps import Ended, Ending, Leg, Waiting

LOOK_S = 5.0
MAX_LOOK_S = 600.0


async def perform_queue(leg: Leg) -> Ending:
    """Stand in line for the lock `key`, for the `scope` that it is wanted for."""
    key = str(leg.body["key"])
    stage = leg.position.stage()
    region = stage.path if stage is not None and leg.body["scope"] == "stage" else ""
    place = await leg.bench.locks.acquire(key, Holder(leg.execution.id, leg.path, region))
    if place.circle:
        return Ended(State.FAILED, note=_describe_circle(place), error="unknown")
    if not place.ahead:
        return Ended(State.SUCCEEDED)
    return Waiting(look_again_s(leg), f"queued for {key}: {place.ahead} ahead")


def _describe_circle(place: Place) -> str:
    own, *others = place.circle
    told = ", ".join(
        f"{one.execution}{f' at {one.path}' if one.path else ''} for {one.name}" for one in others
    )
    return (
        f"queue-circle: it waits for {own.name}, and {told}, each for what another of them holds;"
        " the youngest gives way: take keys in one order everywhere"
    )


def look_again_s(leg: Leg) -> float:
    """Return when to look again if no wake comes: soon at first, and seldom in a wait of weeks."""
    waited_s = (leg.bench.clock.now() - leg.started_at).total_seconds()
    return min(max(LOOK_S, waited_s / 4), MAX_LOOK_S)
