"""`barrier`: branches of one execution wait for each other. It opens when as many have come as it is for."""

from __future__ import annotations

from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, Waiting
from bridle.engine.steps.queue import look_again_s


async def perform_barrier(leg: Leg) -> Ending:
    """Come to the barrier `name`, which opens for every `of` branches."""
    name, of = str(leg.body["name"]), leg.body["of"]
    assert isinstance(of, int)
    if await leg.bench.locks.arrive(name, leg.execution.id, leg.path, of=of):
        return Ended(State.SUCCEEDED)
    return Waiting(look_again_s(leg), f"at the barrier {name}, which {of} have to reach")
