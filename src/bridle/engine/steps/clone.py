"""`clone`: the files of a branch, a tag, a commit or a pull request into the execution's workspace, or into a folder of it."""

from __future__ import annotations

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.engine.steps import Ending, Leg, end_with, step_action


async def perform_clone(leg: Leg) -> Ending:
    """Clone into the workspace."""
    ref = leg.body.get("ref")
    kind, name = (str(ref["type"]), ref["name"]) if isinstance(ref, dict) else ("branch", "main")
    arguments: dict[str, Json] = {"repository": _repository(leg), kind: name}
    arguments |= {key: leg.body[key] for key in ("depth", "path", "folders", "submodules") if key in leg.body}
    action = step_action(leg, "git.clone", arguments, boundary=Boundary(write=("**",)))
    return await end_with(leg, await leg.bench.gate.perform(action))


def _repository(leg: Leg) -> str:
    """Return what is cloned. Which connector reaches it, and with whose credentials, stands in the pipeline itself."""
    wanted, written = str(leg.body["repo"]), str(leg.step.with_["repo"])
    if wanted.startswith("connector:") and wanted.partition("/")[0] != written.partition("/")[0]:
        raise InputError(
            "an expression chooses the connector of a clone",
            where=leg.step.place,
            hint="write connector: NAME beside repo",
            reason="connector-from-expression",
        )
    return wanted
