"""`clone`: the files of a branch into the execution's workspace."""

from __future__ import annotations

from bridle.core.boundary import Boundary
from bridle.engine.steps import Ending, Leg, end_with, step_action


async def perform_clone(leg: Leg) -> Ending:
    """Clone into the workspace."""
    ref = leg.body.get("ref")
    branch = ref["name"] if isinstance(ref, dict) else "main"
    arguments = {"repository": leg.body["repo"], "branch": branch}
    action = step_action(leg, "git.clone", arguments, boundary=Boundary(write=("**",)))
    return await end_with(leg, await leg.bench.gate.perform(action))
