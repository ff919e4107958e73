"""Random schedules of workers that share actions: nothing happens twice, nothing is said to be done that is not, all of it ends.

The short form tries some; `-m long` tries BRIDLE_SCHEDULES of them (default 10,000). BRIDLE_SCHEDULE_SEED is the first seed.
"""

import os
import random
from collections import Counter

import pytest

from bridle.gate.manifest import Recovery
from bridle.gate.recovery import RECOURSE, Recourse

from .simulator import Simulation

FIRST = int(os.environ.get("BRIDLE_SCHEDULE_SEED") or random.randrange(1 << 30))  # noqa: S311 - no secret is made of it
MANY = int(os.environ.get("BRIDLE_SCHEDULES") or 10_000)
SOME = 12


async def run_schedules(folder, first, count, *, empty):
    """Return what went wrong, each with its seed, and how often each thing was seen."""
    faults, told = [], Counter()
    for seed in range(first, first + count):
        (folder / str(seed)).mkdir()
        simulation = Simulation(seed, folder / str(seed), empty=empty)
        await simulation.run()
        faults += [f"BRIDLE_SCHEDULE_SEED={seed}: {fault}" for fault in simulation.faults]
        told += simulation.told
    return faults, told


async def test_some_random_schedules_end_as_they_should(tmp_path, empty_file):
    faults, told = await run_schedules(tmp_path, FIRST, SOME, empty=empty_file)
    assert faults == []
    assert {"Done", "Asked", "lease-lost"} <= set(told), told


@pytest.mark.long
async def test_many_random_schedules_end_as_they_should(tmp_path, empty_file):
    faults, _ = await run_schedules(tmp_path, FIRST, MANY, empty=empty_file)
    assert faults == []


async def test_a_recovery_that_does_again_what_nobody_can_tell_of_is_noticed(
    tmp_path, empty_file, monkeypatch
):
    monkeypatch.setitem(RECOURSE, Recovery.NONE, Recourse.AGAIN)
    monkeypatch.setitem(RECOURSE, Recovery.LOOKUP, Recourse.AGAIN)
    for seed in range(1, 60):
        faults, _ = await run_schedules(tmp_path, seed, 1, empty=empty_file)
        if any("happened 2 times" in fault for fault in faults):
            return
    raise AssertionError("nobody noticed")
