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
from bridle.engine.steps import Ended, Ending, Kind, Leg, end_with
from bridle.engine.steps.tool import tool_action
from bridle.gate.gate import APPROVAL_TTL, Ask
from bridle.pipeline.expressions import render
from bridle.pipeline.plan import Plan, Step

UNKEPT = ("groups", "users", "min_count", "block_executor")


async def _perform(leg: Leg) -> Ending:
    wanted = leg.body["with"]
    assert isinstance(wanted, Mapping)
    if not wanted.get("for"):
        raise InputError(
            "this approval does not say what it is for",
            where=leg.step.place,
            hint="add `for: stage.step`, naming the step whose action the person approves",
            reason="approval-for-nothing",
        )
    unkept = [name for name in UNKEPT if wanted.get(name) not in (None, 1, False, [], ())]
    if unkept:
        raise InputError(
            f"an approval cannot keep {', '.join(unkept)} yet, and is not given without it",
            where=leg.step.place,
            hint="leave it out, or wait for the version that has groups of people",
            reason="not-executed-yet",
        )
    target = find_target(leg.plan, str(wanted["for"]))
    body = render(target.with_, leg.context)
    assert isinstance(body, Mapping)
    action = tool_action(leg, body, path=str(wanted["for"]).replace(".", "/", 1))
    ask = Ask(message=str(wanted.get("message", "")), ttl=_ttl(wanted.get("timeout_s")), topic=leg.path)
    result = await leg.bench.gate.request(action, ask)
    ending = await end_with(leg, result)
    if isinstance(ending, Ended) and ending.state is State.DENIED:
        return Ended(State.DENIED, note=ending.note, error="approval-rejection")
    return ending


def find_target(plan: Plan, name: str) -> Step:
    """Return the step that `stage.step` names; the plan has checked that it exists."""
    stage_id, _, step_id = name.partition(".")
    stage = next(stage for stage in plan.stages if stage.id == stage_id)
    return next(step for step in stage.steps if step.id == step_id)


def _ttl(timeout_s: Json) -> timedelta:
    return timedelta(seconds=timeout_s) if isinstance(timeout_s, int) else APPROVAL_TTL


APPROVAL = Kind(_perform)
