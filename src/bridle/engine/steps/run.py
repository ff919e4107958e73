"""`run`: a script in the sandbox, as the person who started the execution."""

from __future__ import annotations

from dataclasses import replace

from bridle.core.boundary import Boundary, Limits
from bridle.core.canonical import Json
from bridle.engine.steps import Ending, Kind, Leg, end_with, step_action
from bridle.pipeline.expressions import render

DEFAULT_WALL_S = 600


async def _perform(leg: Leg) -> Ending:
    wall_s = leg.step.timeout_s or DEFAULT_WALL_S
    arguments: dict[str, Json] = {"script": leg.body["script"], "timeout_s": wall_s}
    if leg.body.get("shell"):
        arguments["shell"] = leg.body["shell"]
    report = leg.body.get("report")
    if isinstance(report, dict):
        arguments["report"] = report["path"]
    env = render({**leg.plan.env, **leg.step.env, **(leg.body.get("env") or {})}, leg.context)  # type: ignore[dict-item]
    if env:
        arguments["env"] = env
    boundary = Boundary(write=("**",), limits=replace(Limits(), wall_s=wall_s))
    action = step_action(leg, "command.run", arguments, boundary=boundary)
    return await end_with(leg, await leg.bench.gate.perform(action))


RUN = Kind(_perform, frozenset({"command:run"}))
