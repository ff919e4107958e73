"""`wait`: a durable timer. Its first leg asks to be looked at again when the time is over; the second ends."""

from __future__ import annotations

from datetime import timedelta

from bridle.core.clock import iso
from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, Waiting


async def perform_wait(leg: Leg) -> Ending:
    """Wait until the time since the step's start is over."""
    duration_s = leg.body["duration_s"]
    assert isinstance(duration_s, int)
    until = leg.started_at + timedelta(seconds=duration_s)
    left = until - leg.bench.clock.now()
    if left <= timedelta(0):
        return Ended(State.SUCCEEDED)
    return Waiting(left.total_seconds(), f"until {iso(until)[:19]}Z")
