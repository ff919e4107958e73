"""Puts a plan of calls to people: one question about all of them, and for each call a request that binds that very call.

Rules
  1. Every call is judged as it would be now. One that is denied ends it: the denial is recorded, and nobody is asked.
  2. What a rule asks about becomes a request of its own, which rests on the plan's digest besides what any request rests on. So
     each is used once, expires, and is void when policy, tool, agent or plan is another, as every approval is.
  3. What no rule asks about needs no request, and what a rule asks about `alone` is asked about when it is called.
  4. A call is judged as if those before it were done: whether the same was done before counts them too, so that the people who
     approve of the plan were asked about a call that stands in it twice.
  5. Plan, decisions and requests are one transaction: there is no half of a plan.

What becomes of a call of it is `gate`; which call is next is the door's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import iso
from bridle.core.errors import InputError
from bridle.gate import records
from bridle.gate.action import Action
from bridle.gate.approvals import Approval, Approvals, ApprovalState, RequestApproval
from bridle.gate.asking import Ask, Asking
from bridle.gate.attempts import name_business
from bridle.gate.manifest import Manifests
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement
from bridle.trust.call_plans import CallPlan, digest_calls, read_call_plan
from bridle.trust.journal import Entry, Journal, Kind, Record


@dataclass(frozen=True)
class Judged:
    """One call of a plan, as it was judged: `effect` is allow or ask."""

    action: Action
    judgement: Judgement

    @property
    def is_asked(self) -> bool:
        """True when a person answers it with the plan."""
        decision = self.judgement.decision
        return decision.effect == "ask" and not any(item.alone for item in decision.findings)

    @property
    def rules(self) -> tuple[str, ...]:
        found = {item.rule for item in self.judgement.decision.findings}
        return tuple(sorted(found)) if self.is_asked else ()


def refuse_twice(actions: Sequence[Action], manifests: Manifests) -> None:
    """Raise InputError for a plan with two calls of which only one can be done: one piece of business of a tool with `once`."""
    seen: dict[str, int] = {}
    for number, action in enumerate(actions, start=1):
        manifest = manifests.get(action.request.tool)
        business = name_business(manifest, action.request.arguments) if manifest and manifest.once else ""
        if business in seen:
            raise InputError(
                f"call {number} is the same piece of business as call {seen[business]}, and that is done once",
                hint="leave one of them out",
                reason="bad-plan",
            )
        if business:
            seen[business] = number


async def record_plan(
    ports: Ports, asking: Asking, plan_id: str, judged: Sequence[Judged], ask: Ask
) -> CallPlan:
    """Record the plan with a request for each call that is asked about; raise InputError when none is."""
    if not any(one.is_asked for one in judged):
        raise InputError(
            "nothing in this plan would be asked about as a part of it",
            hint="make the calls, one after the other",
            reason="nothing-to-approve",
        )
    whole = digest_calls([(one.action.digest, one.rules) for one in judged])
    requests = [await _draw_up(asking, one, ask, whole) for one in judged]
    first = judged[0].action
    body: dict[str, Json] = {
        "digest": whole,
        "message": ports.redactor.redact(ask.message),
        "agent": first.request.principal,
        "purpose": first.request.purpose,
        "expires_at": iso(ask.expires_at(ports.clock.now())),
        "calls": [await _describe(asking, one, asked) for one, asked in zip(judged, requests, strict=True)],
    }
    entries = [Entry(Kind.PLAN_PROPOSED, first.execution, plan_id, body)]
    for one, asked in zip(judged, requests, strict=True):
        if asked is not None:
            entries += [records.decided(one.action, one.judgement, ports.redactor), records.requested(asked)]
    await ports.journal.append(entries, [RequestApproval(asked) for asked in requests if asked is not None])
    return read_call_plan(plan_id, body)


async def _draw_up(asking: Asking, one: Judged, ask: Ask, whole: str) -> Approval | None:
    if not one.is_asked:
        return None
    rests_on = {**as_mapping(one.judgement.facts["rests_on"]), "plan": whole}
    drawn = await asking.draw_up(one.action, one.judgement, replace(ask, message=""), rests_on=rests_on)
    plan = as_mapping(one.judgement.facts["plan"])
    return replace(drawn, shown={**drawn.shown, "plan": {name: plan[name] for name in ("id", "call", "of")}})


async def _describe(asking: Asking, one: Judged, asked: Approval | None) -> dict[str, Json]:
    """What people read of one call."""
    shown = asked.shown if asked else await asking.show(one.action, one.judgement)
    about = as_mapping(one.judgement.facts["action"])
    return {
        "key": one.action.key,
        "action": one.action.digest,
        "tool": one.action.request.tool,
        "arguments": shown["arguments"],
        "effect": about["effect"],
        "risk": shown.get("risk", ""),
        "decision": one.judgement.decision.effect,
        "rules": shown["rules"],
        "origins": shown.get("origins", []),
        "approval": asked.id if asked else "",
    }


async def find_plan(journal: Journal, approvals: Approvals, plan_id: str) -> tuple[Record, list[Approval]]:
    """Return the record of a plan of calls that people are asked about, with its requests; raise InputError."""
    states = (ApprovalState.OPEN, ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.USED)
    known = [item for item in await approvals.find(states=states) if named_plan(item) == plan_id]
    if not known:
        raise InputError(f"no plan {plan_id!r} waits", hint="bridle approvals lists what does")
    kinds = (Kind.PLAN_PROPOSED,)
    proposed = (await journal.read(execution=known[0].execution, subject=plan_id, kinds=kinds))[0]
    found = [await approvals.get(one) for one in read_call_plan(plan_id, proposed.body).approvals]
    return proposed, [one for one in found if one is not None]


def named_plan(approval: Approval) -> str:
    """Return the plan of calls that a request is of, or an empty text."""
    plan = approval.shown.get("plan")
    return str(plan["id"]) if isinstance(plan, Mapping) else ""
