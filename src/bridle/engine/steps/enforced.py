"""What is enforced around a step: policy sets that are asked before it begins, and before each of its legs.

Rules
  1. One message of denial ends the step denied, and no failure strategy makes a success of that.
  2. No answer denies: a set that is not in the plan, whose text is not the one that was planned, that raises or takes too long.
  3. The sets are asked about the pipeline, the stage, the inputs, where it deploys to, and the step with what it would do.
     Secrets are not a part of that, nor their names.
  4. The step's end holds what every set said.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.states import State
from bridle.engine.steps import Ended, Leg
from bridle.engine.steps.policy import ask_set, join_messages
from bridle.pipeline.lookup import holds_marker

_NOT_SHOWN = frozenset({"plan", "sets"})  # whole texts of other documents


async def ask_enforced(leg: Leg) -> list[dict[str, Json]]:
    """Return what every set says that is enforced around the step."""
    document = _document(leg)
    return [await _ask(leg, name, document) for name in dict.fromkeys(leg.step.enforce)]


def refuse_enforced(told: list[dict[str, Json]]) -> Ended | None:
    """Return how a step ends that may not run, or None."""
    denied = join_messages(told, "deny")
    return Ended(State.DENIED, note=denied, error="policy-evaluation") if denied else None


async def _ask(leg: Leg, name: str, document: Mapping[str, Json]) -> dict[str, Json]:
    one = leg.plan.policy_sets.get(name)
    if not isinstance(one, Mapping):
        return {"set": name, "digest": "", "deny": ["this policy set is not in the plan"], "warn": []}
    return await ask_set(leg, one, document)


def _document(leg: Leg) -> dict[str, Json]:
    inputs = leg.context.get("inputs")
    step: dict[str, Json] = {
        "id": leg.step.id,
        "name": leg.step.name,
        "kind": leg.step.kind,
        "path": leg.path,
    }
    return {
        "pipeline": leg.context.get("pipeline"),
        "stage": leg.context.get("stage"),
        "inputs": _leave_out_secrets(inputs if isinstance(inputs, Mapping) else {}),
        "deployment": leg.deployment,
        "step": {**step, "with": _leave_out_secrets(leg.body)},
    }


def _leave_out_secrets(values: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: values[name] for name in values if name not in _NOT_SHOWN and not holds_marker(values[name])
    }
