"""What a child of a trial does: it carries one random pipeline, as a command or as a server, to its end or to its own.

A command carries the one execution that it is told to, starting it when there is none; a server takes over whatever a dead
process left. Both answer every question as the question says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from bridle.core.errors import UnavailableError
from crash.fake_delegate import FakeDelegate, FakeWorld
from crash.points import Points, hook_commits, hook_effects
from crash.random_pipelines import REFUSE, make_pipeline

TIMING = {"beat_s": 0.2, "lease_s": 3.0, "poll_s": 0.05}
LOOK_S = 0.05
PAUSE_S = 0.2
MOST_PAUSES = 3


def carry_pipeline(job: Mapping[str, Any]) -> None:
    """Carry the pipeline of `seed`, which a process that `starts` begins when nobody has.

    `fatal` is the point to die at, or its number; below 0 it is the number of the journal's append that finds the disk full,
    which ends a command with exit code 5. `serves` makes it a server. `fakes` is the folder of a FakeWorld, or empty for the real
    delegate. `points` is where the points are written.
    """
    fatal, log = job["fatal"], os.open(Path(job["points"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    named = {"fatal": fatal} if isinstance(fatal, str) else {"number": max(fatal, 0)}
    points = Points(log, **named)
    hook_effects(points)
    hook_commits(points)
    _spare_disk()
    _fake(job["fakes"])
    _fill_disk(-fatal if isinstance(fatal, int) else 0)
    FAULTS[job["fault"]]()
    try:
        asyncio.run(_carry_one(job))
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(5)


def carry_undisturbed(job: Mapping[str, Any]) -> None:
    """Carry the pipelines of all `seeds`, side by side, in this one process."""
    _spare_disk()
    _fake(job["fakes"])
    asyncio.run(_carry_all(job["seeds"]))


def _spare_disk() -> None:
    """Sync nothing: a test kills processes, never the machine."""
    from bridle.adapters.sql.database import Database

    write = Database._write

    def write_unsynced(self: Database, work: Any, synced: bool = True) -> Any:
        return write(self, work, False)

    Database._write = write_unsynced  # type: ignore[method-assign]


def _fill_disk(number: int) -> None:
    """Let the journal find the disk full at its append of this number; 0 for never."""
    from bridle.adapters.sql.journal import SqlJournal

    append, left = SqlJournal.append, count(1)

    async def append_or_fail(self: SqlJournal, entries: Any, guards: Any = ()) -> Any:
        if next(left) == number:
            raise UnavailableError("the disk is full", hint="free some space")
        return await append(self, entries, guards)

    SqlJournal.append = append_or_fail  # type: ignore[method-assign]


def _fake(folder: str) -> None:
    if not folder:
        return
    from bridle.app import acting

    def build_fake_delegate(settings: Any, *, signer: Any, token_lives: Any, **others: Any) -> FakeDelegate:
        return FakeDelegate(FakeWorld(Path(folder)), signer, token_lives)

    assert acting.build_delegate  # where it is looked up: a name of another module would change nothing
    acting.build_delegate = build_fake_delegate  # type: ignore[assignment]


async def _carry_one(job: Mapping[str, Any]) -> None:
    from bridle.app import open_app, open_server
    from bridle.core.settings import load_settings
    from bridle.engine.durable import Timing

    async with contextlib.AsyncExitStack() as stack:
        app = await stack.enter_async_context(
            open_app(load_settings(), timing=Timing(**TIMING), takes_over=job["serves"])
        )
        if job["serves"]:
            server = await stack.enter_async_context(open_server(app, tell=lambda news: None))
            stop = asyncio.Event()
            stack.callback(stop.set)
            serving = asyncio.create_task(server.serve(stop, lost=app.durable.lost))
            stack.push_async_callback(_end, serving)
        answering = asyncio.create_task(_answer_all(app))
        stack.push_async_callback(_end, answering)
        execution = await _find(app, job["seed"], starts=job["starts"])
        if make_pipeline(job["seed"]).pauses:
            stack.push_async_callback(_end, asyncio.create_task(_pause_and_resume(app, execution)))
        if not job["serves"]:
            await app.control.carry_on(execution)
        await _see_end(app, execution, answering, serves=job["serves"])


async def _carry_all(seeds: list[int]) -> None:
    from bridle.app import open_app
    from bridle.core.settings import load_settings
    from bridle.engine.durable import Timing

    async with open_app(load_settings(), timing=Timing(**TIMING)) as app:
        answering = asyncio.create_task(_answer_all(app))
        started = [await _start(app, seed) for seed in seeds]
        await asyncio.gather(*(_see_end(app, execution, answering) for execution in started))
        await _end(answering)


async def _find(app: Any, seed: int, *, starts: bool) -> str:
    """Return the execution, which is older than the rollbacks that it has begun."""
    while not (found := await app.executions.find()):  # another process may start it
        if starts:
            return await _start(app, seed)
        await asyncio.sleep(LOOK_S)
    return str(next(execution.id for execution in found if not execution.options.get("parent")))


async def _start(app: Any, seed: int) -> str:
    from bridle.pipeline.read import read_pipeline

    made = make_pipeline(seed)
    plan = read_pipeline(made.text, source=f"{seed}.yaml", library=made.library)
    started = await app.control.start(plan, inputs={}, options={"seed": seed}, initiator=app.user)
    return str(started.id)


async def _see_end(app: Any, execution: str, answering: asyncio.Task[None], *, serves: bool = False) -> None:
    """Wait until the engine has heard of the end as well; a server may not have begun yet what another one records."""
    ended = asyncio.create_task(_end_of(app, execution) if serves else app.durable.result(execution))
    await asyncio.wait({ended, answering}, return_when=asyncio.FIRST_COMPLETED)
    if answering.done():
        answering.result()
    await ended


async def _end_of(app: Any, execution: str) -> None:
    while not (await app.control.get(execution)).state.ended:  # noqa: ASYNC110 - another process ends it
        await asyncio.sleep(LOOK_S)
    await app.durable.result(execution)


async def _answer_all(app: Any) -> None:
    from bridle.core.errors import InputError
    from bridle.core.states import State
    from bridle.engine.control import Verdict, find_open
    from bridle.engine.interventions import Decision, find_open_interventions
    from bridle.trust.journal import GuardError

    while True:
        for execution in await app.executions.find(states=[State.WAITING]):
            now = app.journal._clock.now()
            for asked in await find_open_interventions(app.journal, execution, now=now):
                with contextlib.suppress(
                    InputError, UnavailableError
                ):  # somebody was first, or the disk is full
                    decision = Decision(asked.offers[0], app.user)
                    await app.control.intervene(asked.execution, asked.path, decision)
        for approval in await find_open(app.approvals, now=app.journal._clock.now()):
            approved = not approval.message.startswith(REFUSE)
            with contextlib.suppress(
                InputError, GuardError, UnavailableError
            ):  # somebody was first, or the disk is full
                await app.control.give_verdict(approval.id, Verdict(approved, app.user, name="ana"))
        await asyncio.sleep(LOOK_S)


async def _pause_and_resume(app: Any, execution: str) -> None:
    """Pause the execution a few times; resume whatever is paused, also what a process left so that has died since."""
    from bridle.core.errors import InputError

    pauses = 0
    while True:
        await asyncio.sleep(PAUSE_S)
        with contextlib.suppress(InputError, UnavailableError):  # it has ended, or the disk is full
            if await app.executions.wish(execution) == "pause":
                await app.control.resume(execution, by=app.user)
            elif pauses < MOST_PAUSES:
                pauses += 1
                await app.control.pause(execution, by=app.user)


def _forget_restore() -> None:
    """Break the delegate: it puts no tree back before it does something again."""
    from dataclasses import replace

    carry_out = FakeDelegate.carry_out

    async def forgetful(self: FakeDelegate, task: Any) -> Any:
        return await carry_out(self, replace(task, restore_to=""))

    FakeDelegate.carry_out = forgetful  # type: ignore[method-assign]


def _forget_intents() -> None:
    """Break the gate: it no longer knows what it has begun."""
    from bridle.gate.gate import Gate

    async def forgetful(self: Gate, action: Any) -> None:
        return None

    Gate._newest = forgetful  # type: ignore[method-assign]


FAULTS = {"": lambda: None, "forget-restore": _forget_restore, "forget-intents": _forget_intents}


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
