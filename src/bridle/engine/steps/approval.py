"""`approval`: asks people about the exact action of another step, or whether the execution goes on.

`for: ship.push` names that step. Its arguments are rendered now, the action is decided now, and what people approve is its
digest: when the step comes, the same action is decided again and uses the approval up. An action that needs nobody
passes at once; one that is denied ends the step denied.

Without `for` the action is `pipeline.continue`: going on from exactly this state (plan, inputs, files of the workspace). It is
used up here. When the workspace changes while people are asked, what they said is about something else, and the step fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, digest
from bridle.core.clock import from_iso
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, end_with, step_action
from bridle.engine.steps.custom_approval import perform_custom
from bridle.engine.steps.tool import check_arguments, tool_action
from bridle.gate.action import Action, Denied, Purpose, Result
from bridle.gate.asking import APPROVAL_TTL, CONTINUE, EXPIRED, Ask
from bridle.pipeline.criteria import CUSTOM
from bridle.pipeline.deployments import evaluate_deployment
from bridle.pipeline.expressions import render
from bridle.pipeline.failure import INPUT_TIMEOUT
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Block, Step
from bridle.trust.quorum import Escalation, Terms

LEAD = timedelta(minutes=15)  # a default that holds sooner would leave people no time to refuse


async def perform_approval(leg: Leg) -> Ending:
    """Ask, or say how the question was answered."""
    if leg.body["uses"] == CUSTOM:
        return await perform_custom(leg)
    wanted = _details(leg.body)
    terms = read_terms(wanted, initiator=leg.execution.initiator)
    until = from_iso(str(wanted["deadline"])) if wanted.get("deadline") else None
    message = str(wanted.get("message", ""))
    ask = Ask(message=message, ttl=_ttl(leg, wanted), topic=leg.path, until=until, terms=terms)
    if target_path(leg.body):
        target, path = find_target(leg.plan, leg.body), target_path(leg.body)
        body = render(target.with_, leg.context)
        assert isinstance(body, Mapping)
        check_arguments(target, body, path=path)
        action = tool_action(replace(leg, deployment=_deployment_of(leg, path)), body, path=path)
        if await _is_too_late(leg, action, ask):
            return _too_late(leg)
        result = await leg.bench.gate.request(action, ask)
    else:
        action = await _going_on(leg, message, terms)
        if await _is_too_late(leg, action, ask):
            return _too_late(leg)
        result = await leg.bench.gate.settle(action, ask)
    ending = await end_with(leg, result)
    if isinstance(ending, Ended) and ending.state is State.DENIED:
        return Ended(State.DENIED, note=ending.note, error=_error_class(result, leg))
    return ending


def _error_class(result: Result, leg: Leg) -> str:
    """Return the class of a refusal: what nobody answered in time may go on by its default (`input-timeout`) only where no
    action hangs on it."""
    expired = isinstance(result, Denied) and result.rule == EXPIRED
    return _expiry_of(leg) if expired else "approval-rejection"


def _expiry_of(leg: Leg) -> str:
    return "approval-rejection" if target_path(leg.body) else INPUT_TIMEOUT


def read_terms(wanted: Mapping[str, Json], *, initiator: str) -> Terms:
    """Return whose word it takes, from the plan's own words. Who started the execution is named only to exclude them."""
    count, inputs = wanted.get("min_count", 1), wanted.get("inputs") or {}
    further = wanted.get("escalation")
    assert isinstance(count, int)
    assert isinstance(inputs, Mapping)
    return Terms(
        minimum=count,
        users=_texts(wanted, "users"),
        groups=_texts(wanted, "groups"),
        attributes=_texts(wanted, "attributes"),
        excluded=initiator if wanted.get("block_executor") else "",
        inputs=inputs,
        auto_approve=bool(wanted.get("auto_approve")),
        auto_reject=bool(wanted.get("auto_reject")),
        comment=str(wanted.get("comments") or ""),
        escalation=Escalation.from_json(further) if isinstance(further, Mapping) else None,
    )


def target_path(body: Mapping[str, Json]) -> str:
    """Return the path of the step that an approval is for; empty when it is for none."""
    return str(_details(body).get("for") or "").replace(".", "/")


def _deployment_of(leg: Leg, path: str) -> Mapping[str, Json] | None:
    """Return what the stage of the step that is approved will deploy, and where; raise InputError when that is not known yet."""
    stage = leg.plan.find(path.partition("/")[0])
    declared = stage.deployment if isinstance(stage, Block) else {}
    inherited = leg.execution.options.get("deployment")
    if not declared:
        return inherited if isinstance(inherited, Mapping) else None
    return evaluate_deployment(declared, leg.context)


def find_target(plan: Plan, body: Mapping[str, Json]) -> Step:
    """Return the step that an approval is for; the plan has checked that it exists."""
    found = plan.find(target_path(body))
    assert isinstance(found, Step)
    return found


async def _going_on(leg: Leg, message: str, terms: Terms) -> Action:
    arguments: dict[str, Json] = {
        "execution": leg.execution.id,
        "step": leg.path,
        "plan": leg.execution.plan_digest,
        "inputs": digest(leg.execution.inputs),
        "tree": await leg.bench.gate.snapshot(leg.workspace),
        "message": message,
        "terms": terms.digest,
    }
    return step_action(leg, CONTINUE, arguments, boundary=Boundary(write=()), purpose=Purpose.REVIEW)


async def _is_too_late(leg: Leg, action: Action, ask: Ask) -> bool:
    """True when the time to ask is over; raise InputError when a default would hold before anybody could refuse."""
    now = leg.bench.clock.now()
    if await leg.bench.approvals.newest_for(action.digest) is not None:
        return False
    end = min(now + ask.ttl, ask.until or now + ask.ttl)
    if ask.terms and ask.terms.auto_approve and end <= now + LEAD:
        raise InputError(
            "what is approved by default has to be more than 15 minutes ahead",
            where=leg.step.place,
            hint="give a later deadline",
            reason="default-too-soon",
        )
    return end <= now


def _too_late(leg: Leg) -> Ended:
    """Whoever could not be asked in time has not approved either: no failure strategy forgives that."""
    note = "the approval's time is over before it begins: give a later deadline"
    return Ended(State.DENIED, note=note, error=_expiry_of(leg))


def _details(body: Mapping[str, Json]) -> Mapping[str, Json]:
    wanted = body["with"]
    assert isinstance(wanted, Mapping)
    return wanted


def _texts(wanted: Mapping[str, Json], name: str) -> tuple[str, ...]:
    listed = wanted.get(name) or ()
    assert isinstance(listed, (list, tuple))
    return tuple(str(item) for item in listed)


def _ttl(leg: Leg, wanted: Mapping[str, Json]) -> timedelta:
    """Return how long people are asked: no longer than the step and the blocks around it may take, so that a time that is over
    is an expiry, which refuses, and nobody answers what nobody waits for."""
    timeout_s = wanted.get("timeout_s")
    own = timedelta(seconds=timeout_s) if isinstance(timeout_s, int) else APPROVAL_TTL
    return min([own, *leg.times_left()])
