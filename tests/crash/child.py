"""What a child of the campaign does: the demo's pipeline, with the points hooked, to its end or to its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from crash.points import Points, hook_commits, hook_effects

BRISK = {
    "beat_s": 0.1,
    "lease_s": 0.4,
    "poll_s": 0.05,
}  # a dead process is noticed soon, so that many can die
MODEL = "recorded:autofix/turns.json"


def carry_demo(job: Mapping[str, Any]) -> None:
    """Carry the newest execution to its end, approving what is asked; start one when there is none.

    `points` is the file to write the points to, `turns` the one for the calls that reach the model's port. `fatal`
    and `visited` say where to die.
    """
    points = Points(_open(job["points"]), fatal=job["fatal"], visited=job["visited"])
    hook_effects(points)
    hook_commits(points)
    _log_turns(_open(job["turns"]))
    _write_alone()
    FAULTS[job["fault"]]()
    asyncio.run(_carry())


async def _carry() -> None:
    from bridle.app import open_app
    from bridle.core.settings import load_settings
    from bridle.engine.durable import Timing
    from bridle.surfaces.cli.carry import Manner, carry

    async with open_app(load_settings(), timing=Timing(**BRISK)) as app:
        found = await app.executions.find(limit=1)
        execution = found[0].id if found else await _start(app)
        await app.control.carry_on(execution)
        await carry(app, execution, Manner(quiet=True, no_input=True, approve_as="ana"))


async def _start(app: Any) -> str:
    from bridle.app import shipped
    from bridle.pipeline.inputs import resolve_inputs
    from bridle.surfaces.cli.locking import read_plan

    plan = read_plan(shipped("samples") / "autofix" / "pipeline.yaml")
    inputs = resolve_inputs(plan, {"repository": str(app.settings.data_dir / "demo" / "origin.git")})
    started = await app.control.start(plan, inputs=inputs, options={"model": MODEL}, initiator=app.user)
    return str(started.id)


def _write_alone() -> None:
    """Give each write a transaction of its own: which ones share one is chance, and would be a point of this run alone."""
    from bridle.adapters.sql import writer

    writer.MOST = 1


def _log_turns(log: int) -> None:
    from bridle.adapters.models.recorded import RecordedModel

    respond = RecordedModel.respond

    async def counted(self: Any, payload: Any, *, turn: int, **more: Any) -> Any:
        os.write(log, f"{turn}\n".encode())
        return await respond(self, payload, turn=turn, **more)

    RecordedModel.respond = counted  # type: ignore[method-assign]


def _forget_turns() -> None:
    """Break the gate: it no longer knows the outcome of a model call."""
    from bridle.gate.gate import Gate

    newest = Gate._newest

    async def forgetful(self: Gate, action: Any) -> Any:
        return None if action.request.tool == "model.call" else await newest(self, action)

    Gate._newest = forgetful  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {"": lambda: None, "forget-turns": _forget_turns}


def _open(path: str) -> int:
    return os.open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
