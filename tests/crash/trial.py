"""A trial: a random pipeline carried undisturbed, and carried by processes that are killed; the two have to end the same.

What has to hold, however many died and wherever
  1. It ends as the undisturbed run did: the same executions and states, the same end of every step and block, the same
     outcome of every action, the same answers, the same files in the same workspaces. Where branches race only what follows.
  2. One intent and one outcome for each action, the intent first. One beginning and one end for each step and block.
  3. No effect twice: what is done again has its tree put back before, or is a thing that can be done twice.
  4. No step began before what its place in the plan requires had ended.
  5. The journal verifies and nothing is open: no intent, token, reservation, lock or place at a barrier, no workflow of the
     durable engine that has not ended well.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crash.ending import Ending, find_differences, read_endings
from crash.random_pipelines import make_pipeline
from support.forks import Child, Forks, NotEnded
from support.room import Room, opened_room

KILLED, STOPPED = -9, 5
PATIENCE_S = 90.0
MOST_KILLS = 3
POLL_S = 0.02
DISK_FULL = 0.25
"""How often a command finds the disk full instead of being killed. Numbers below 0 stand for that."""
POINTS_A_RECORD = 2.2
"""How many points are passed for each record of the journal, about: a process dies somewhere before its end."""


@dataclass(frozen=True)
class Manner:
    """How a pipeline is carried: on which store, by a command or by two servers, with the real delegate or the fake one.

    `points` are the ones to die at, instead of random ones; `fault` names what every process does wrong on purpose.
    """

    store: str = ""
    serves: bool = False
    real: bool = False
    points: tuple[str, ...] = ()
    fault: str = ""


def run_undisturbed(forks: Forks, seeds: Sequence[int], *, real: bool = False) -> dict[int, Ending]:
    """Carry the pipelines of all seeds in one process with nothing happening to it."""
    with opened_room() as room:
        job = {"seeds": list(seeds), "fakes": "" if real else _world(room)}
        child = forks.start(
            "crash.carrying:carry_undisturbed", job, environment=room.environment, folder=room.path
        )
        code = child.wait(PATIENCE_S + 5 * len(seeds))
        assert code == 0, child.stderr[-3000:]
        endings, faults = read_endings(room, real=real)
        assert faults == [], "\n".join(faults)
        return endings


def try_killing(forks: Forks, seed: int, reference: Ending, manner: Manner) -> list[str]:
    """Carry the pipeline of a seed with processes that are killed; return what does not hold."""
    fatal = choose_points(seed, reference.records, manner)
    with opened_room(store=manner.store) as room:
        carry = _carry_by_two if manner.serves else _carry_by_one
        if complaint := carry(forks, room, seed, fatal, manner):
            return [f"killed at {fatal}: {complaint}"]
        endings, faults = read_endings(room, real=manner.real)
        races = make_pipeline(seed).races
        found = [*faults, *([] if races else find_differences(endings[seed], reference))]
        return [f"killed at {fatal}: {fault}" for fault in found]


def choose_points(seed: int, records: int, manner: Manner) -> list[Any]:
    """Return where the processes die that carry the pipeline of a seed, which leaves so many records."""
    if manner.points:
        return list(manner.points)
    chance = random.Random(f"{seed} {manner.serves} {bool(manner.store)}")  # noqa: S311 - no secret is made of it
    most = int(records * POINTS_A_RECORD)
    fatal = [chance.randint(1, most) for _ in range(chance.randint(1, MOST_KILLS))]
    if not manner.serves and chance.random() < DISK_FULL:
        fatal[0] = -chance.randint(1, records)
    return fatal


def _carry_by_one(forks: Forks, room: Room, seed: int, fatal: Sequence[Any], manner: Manner) -> str:
    """One process after the other, the last one left alone."""
    job = {"seed": seed, "serves": False, "starts": True}
    for number in (*fatal, 0):
        child = _start(forks, room, {**job, "fatal": number}, manner)
        try:
            code = child.wait(PATIENCE_S)
        except NotEnded as error:
            return f"{error}"
        if code not in (KILLED, STOPPED):
            return "" if code == 0 else f"it ended with {code}: {child.stderr[-3000:]}"
    return "the last one was killed"


def _carry_by_two(forks: Forks, room: Room, seed: int, fatal: Sequence[Any], manner: Manner) -> str:
    """Two at a time: whoever dies is taken over by the other, and another one is started."""
    job = {"seed": seed, "serves": True, "starts": False}
    left = [*fatal, 0, 0]
    live: dict[Child, bool] = {}
    until = time.monotonic() + PATIENCE_S
    try:
        while left or live:
            while left and len(live) < 2:
                starts = not any(live.values())
                live[_start(forks, room, {**job, "fatal": left.pop(0), "starts": starts}, manner)] = starts
            time.sleep(POLL_S)
            codes = {child: code for child in live if (code := child.poll()) is not None}
            for child, code in codes.items():
                del live[child]
                if code not in (0, KILLED):
                    return f"it ended with {code}: {child.stderr[-3000:]}"
                if code == 0:
                    left.clear()
            if time.monotonic() > until:
                return f"it did not end in {PATIENCE_S} s: {[child.stderr[-2000:] for child in live]}"
        return ""
    finally:
        for child in live:
            child.kill()


def _start(forks: Forks, room: Room, job: Mapping[str, Any], manner: Manner) -> Child:
    fakes = "" if manner.real else _world(room)
    return forks.start(
        "crash.carrying:carry_pipeline",
        {**job, "points": str(room.path / "points"), "fakes": fakes, "fault": manner.fault},
        environment=room.environment,
        folder=room.path,
    )


def _world(room: Room) -> str:
    return str(room.path / "fakes")
