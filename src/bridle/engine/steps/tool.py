"""`tool`: one tool's action as a step of its own, as the person who started the execution."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.engine.steps import Ending, Leg, end_with, step_action
from bridle.gate.action import Action, Purpose

RELEASES = frozenset({"git.push"})


async def perform_tool(leg: Leg) -> Ending:
    """Perform the step's one action."""
    action = tool_action(leg, leg.body, path=leg.path)
    return await end_with(leg, await leg.bench.gate.perform(action))


def tool_action(leg: Leg, body: Mapping[str, Json], *, path: str) -> Action:
    """Return the action of the tool step at `path`: the same one whether it is asked for or performed."""
    tool, arguments = str(body["uses"]), body.get("with") or {}
    assert isinstance(arguments, Mapping)
    branch = arguments.get("branch")
    boundary = Boundary(write=("**",), push=(branch,) if isinstance(branch, str) else ())
    purpose = Purpose.RELEASE if tool in RELEASES else Purpose.BUILD
    return step_action(leg, tool, arguments, boundary=boundary, path=path, purpose=purpose)
