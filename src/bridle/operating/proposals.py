"""Proposals: an agent at the door lists the calls it means to make, and people are asked about all of them at once.

Rules
  1. A plan has at most MOST_CALLS calls, each with all of its arguments: nothing in it is filled in later, not even from a result
     of an earlier call. What depends on a result is asked about when it is known.
  2. Every call is spelled as the door would spell it, under a key of its own, so that the words bind exactly what will be done.
  3. The same plan proposed again while it stands is the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bridle.core.canonical import Json, canonical
from bridle.core.errors import InputError
from bridle.core.ids import new_id
from bridle.gate.action import Action, Denied
from bridle.gate.approvals import Approvals
from bridle.gate.asking import Ask
from bridle.gate.external import Catalogue
from bridle.gate.gate import Gate
from bridle.operating.call_plans import STANDS, CallPlans
from bridle.operating.calling import (
    LARGEST_CALL,
    MOST_WAITING,
    Answer,
    Caller,
    action_of,
    fill,
    spell,
    too_many_waiting,
    tool_name,
)
from bridle.operating.session import STEP
from bridle.trust.call_plans import CallPlan
from bridle.trust.journal import Journal

MOST_CALLS = 20  # what a person reads as one thing
LONGEST_MESSAGE = 1000


@dataclass(frozen=True)
class PlanCall:
    """A call that an agent means to make, with the tool's name as the door spells it."""

    tool: str
    arguments: Mapping[str, Json]


@dataclass(kw_only=True)
class Proposals:
    """Takes proposals."""

    gate: Gate
    journal: Journal
    approvals: Approvals
    catalogue: Catalogue
    plans: CallPlans

    async def propose(self, caller: Caller, calls: Sequence[PlanCall], *, message: str) -> Answer:
        """Have the plan judged and asked about; raise InputError for what can be none."""
        _check(calls, message)
        session, action = caller.session.id, self._spelling(caller, calls)
        known = await self.plans.same(session, len(calls), action)
        if known is not None:
            return _describe(known)
        waiting = await self.approvals.find(execution=session, states=STANDS)
        if len(waiting) + len(calls) > MOST_WAITING:
            raise too_many_waiting(len(waiting))
        plan_id = new_id("pln")
        actions = [
            replace(action(n, f"{session}/{STEP}#{plan_id}.{n + 1}"), plan=_unsigned(plan_id, n, len(calls)))
            for n in range(len(calls))
        ]
        found = await self.gate.propose(plan_id, actions, Ask(message=message, topic=STEP))
        if isinstance(found, Denied):
            denied = (await self.journal.get(found.record)).subject.rpartition(".")[2]
            told: dict[str, Json] = {
                "refused": True,
                "rule": found.rule,
                "reason": found.reason,
                "call": int(denied),
            }
            return Answer("denied", told=told)
        self.plans.add(session, found)
        return _describe(found)

    def _spelling(self, caller: Caller, calls: Sequence[PlanCall]) -> Callable[[int, str], Action]:
        """Return what makes a call of the list an action under a key; it raises InputError for one that can be none."""

        def action(number: int, key: str) -> Action:
            call, tool = calls[number], tool_name(calls[number].tool)
            manifest = self.catalogue.get(tool)
            if manifest is None:
                raise InputError(
                    f"call {number + 1} is of no tool: {call.tool[:80]!r}",
                    hint="name tools as they are listed",
                    reason="tool-unknown",
                )
            return action_of(caller, key, tool, fill(caller, manifest, call.arguments, key=key))

        return action


def _check(calls: Sequence[PlanCall], message: str) -> None:
    if not 0 < len(calls) <= MOST_CALLS:
        raise InputError(
            f"a plan has 1 to {MOST_CALLS} calls", hint="propose fewer at once", reason="bad-plan"
        )
    if len(canonical([dict(call.arguments) for call in calls])) > LARGEST_CALL:
        raise InputError(
            f"its arguments are larger than {LARGEST_CALL} bytes", hint="propose fewer", reason="bad-plan"
        )
    if len(message) > LONGEST_MESSAGE:
        raise InputError(
            f"its message is longer than {LONGEST_MESSAGE} characters", hint="say less", reason="bad-plan"
        )


def _unsigned(plan_id: str, number: int, size: int) -> dict[str, Json]:
    """Return the fact of a call while its plan is proposed, and has no digest yet."""
    return {"id": plan_id, "digest": "", "call": number + 1, "of": size, "rules": []}


def _describe(plan: CallPlan) -> Answer:
    calls: list[Json] = [
        {"call": number, "tool": spell(call.tool), "asked": bool(call.approval), "rules": list(call.rules)}
        for number, call in enumerate(plan.calls, start=1)
    ]
    then = (
        f"A person has to approve this plan: {plan.id}. Once they have, make exactly these calls in this order, without an id. "
        "A call with other arguments, out of its turn, or with asked: false is judged on its own. It ends when a call fails."
    )
    return Answer("waiting", told={"plan": plan.id, "calls": calls, "next": then})
