"""`background`: a script that is started and not waited for. It runs until the group or the stage that it stands in has ended.

It works in a copy of the workspace; `run` steps of its stage reach it by loopback. See `engine.services`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from bridle.core.boundary import Boundary, Limits
from bridle.core.canonical import Json
from bridle.engine.execution import Execution
from bridle.engine.position import Position
from bridle.engine.steps import Ending, Leg, end_with, step_action
from bridle.engine.steps.run import environment_of
from bridle.gate.action import Action

LONGEST_S = 86_400  # a service that nobody ends is ended by the sandbox
OUTPUT_BYTES = 16 << 20  # more than a step may print: it runs as long as many of them


async def perform_background(leg: Leg) -> Ending:
    """Start the service; it has succeeded once it was started."""
    return await end_with(leg, await leg.bench.gate.perform(start_action(leg)))


def start_action(leg: Leg, *, call: int = 0) -> Action:
    """Return the action that starts the service of a background step. `call` tells its beginnings apart."""
    stage = leg.position.stage()
    assert stage is not None  # steps stand in stages
    wall_s = leg.step.timeout_s or LONGEST_S
    arguments: dict[str, Json] = {
        "script": leg.body["script"],
        "source": leg.workspace,
        "until": scope_of(leg.position),
        "timeout_s": min(wall_s, LONGEST_S),
        "env": environment_of(leg),
    }
    if leg.body.get("shell"):
        arguments["shell"] = leg.body["shell"]
    limits = replace(Limits(), wall_s=wall_s, output_bytes=OUTPUT_BYTES)
    boundary = Boundary(write=("**",), services=stage.path, limits=limits)
    action = step_action(leg, "command.start", arguments, boundary=boundary, call=call)
    return replace(action, workspace=workspace_of_service(leg.execution, leg.path))


def scope_of(position: Position) -> str:
    """Return the path of the group or the stage with which a service ends: the nearest one that has a name."""
    return position.scopes()[0]


def workspace_of_service(execution: Execution, path: str) -> str:
    """Return the name of the copy that a service works in; no branch has the same."""
    return f"{execution.id}.{hashlib.sha256(f'{path}/service'.encode()).hexdigest()[:16]}"
