"""`tool`: one tool's action as a step of its own, as the person who started the execution.

An argument that the tool needs and whose expression came to nothing (an agent that committed nothing has no `commit`) fails the
step with the expression's name, before the gate or a person is asked about an action that cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.engine.steps import Ending, Leg, end_with, step_action
from bridle.gate.action import Action, Purpose
from bridle.gate.manifest import builtin_manifests
from bridle.pipeline.tree import Step

RELEASES = frozenset({"git.push"})


async def perform_tool(leg: Leg) -> Ending:
    """Perform the step's one action."""
    check_arguments(leg.step, leg.body, path=leg.path)
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


def check_arguments(step: Step, body: Mapping[str, Json], *, path: str) -> None:
    """Raise InputError when an expression gave nothing where the tool of the step at `path` needs something."""
    manifest, written, given = (
        builtin_manifests().get(str(body["uses"])),
        step.with_.get("with"),
        body.get("with"),
    )
    if manifest is None or not isinstance(written, Mapping) or not isinstance(given, Mapping):
        return
    needed = manifest.arguments.get("required")
    for name in needed if isinstance(needed, (list, tuple)) else ():
        if given.get(str(name)) in (None, "") and written.get(str(name)):
            raise InputError(
                f"there is nothing to do for {path}: its `{name}`, {_bare(written[str(name)])}, came to nothing",
                where=step.place,
                hint="see with bridle logs what the step that it names has done; an agent that commits nothing has no commit",
                reason="argument-without-value",
            )


def _bare(written: Json) -> str:
    """Return an expression without its wrapper: `<+path>` is kept as `${{ path }}`, and its author wrote one of the two."""
    return re.sub(r"\$\{\{ *(.*?) *\}\}", r"\1", str(written))
