"""`approval`: asks a person, ahead of time, about the exact action of another step.

`for: ship.push` names that step. Its arguments are rendered now, the action is decided now, and what the person approves is its
digest: when the step comes, the same action is decided again and uses the approval up. An action that needs no
person passes at once; one that is denied ends the step denied.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, end_with
from bridle.engine.steps.tool import tool_action
from bridle.gate.gate import APPROVAL_TTL, Ask
from bridle.pipeline.expressions import render
from bridle.pipeline.plan import Plan, Step

UNKEPT: Mapping[str, Json] = {"groups": [], "users": [], "min_count": 1, "block_executor": False}


async def perform_approval(leg: Leg) -> Ending:
    """Ask for the other step's action, or say how the question was answered."""
    wanted = leg.body["with"]
    assert isinstance(wanted, Mapping)
    unkept = [name for name, harmless in UNKEPT.items() if (wanted.get(name) or harmless) != harmless]
    if unkept:
        raise InputError(
            f"an approval cannot keep {', '.join(unkept)} yet, and is not given without it",
            where=leg.step.place,
            hint="leave it out, or wait for the version that has groups of people",
            reason="not-executed-yet",
        )
    body = render(find_target(leg.plan, leg.body).with_, leg.context)
    assert isinstance(body, Mapping)
    action = tool_action(leg, body, path=target_path(leg.body))
    ask = Ask(message=str(wanted.get("message", "")), ttl=_ttl(wanted.get("timeout_s")), topic=leg.path)
    result = await leg.bench.gate.request(action, ask)
    ending = await end_with(leg, result)
    if isinstance(ending, Ended) and ending.state is State.DENIED:
        return Ended(State.DENIED, note=ending.note, error="approval-rejection")
    return ending


def target_path(body: Mapping[str, Json]) -> str:
    """Return the path of the step that an approval is for; raise InputError when it names none."""
    wanted = body["with"]
    assert isinstance(wanted, Mapping)
    if not wanted.get("for"):
        raise InputError(
            "this approval does not say what it is for",
            hint="add `for: stage.step`, naming the step whose action the person approves",
            reason="approval-for-nothing",
        )
    return str(wanted["for"]).replace(".", "/", 1)


def find_target(plan: Plan, body: Mapping[str, Json]) -> Step:
    """Return the step that an approval is for; the plan has checked that it exists."""
    stage_id, _, step_id = target_path(body).partition("/")
    stage = next(stage for stage in plan.stages if stage.id == stage_id)
    return next(step for step in stage.steps if step.id == step_id)


def _ttl(timeout_s: Json) -> timedelta:
    return timedelta(seconds=timeout_s) if isinstance(timeout_s, int) else APPROVAL_TTL
