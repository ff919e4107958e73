"""Claims: what an action takes in its intent's transaction. Of two that race for the last of anything, one gets it."""

from __future__ import annotations

from bridle.gate.action import Action
from bridle.gate.approvals import UseApproval
from bridle.gate.attempts import begin_attempt
from bridle.gate.budgets import ReserveBudget, estimate
from bridle.gate.history import stand_on_history
from bridle.gate.inside import stand_on
from bridle.gate.obligations import oblige
from bridle.gate.ports import Ports
from bridle.gate.records import Judgement
from bridle.trust.journal import Guard
from bridle.trust.kills import NotKilled


def claim(on: Ports, action: Action, judgement: Judgement) -> list[Guard]:
    """Return the guards of an action's intent, all but its budget's: nobody who acts is killed, its piece of business is begun,
    room of every limit is taken, its approval is used, and case and history are as it was decided upon."""
    request, now = action.request, on.clock.now()
    manifest, token = on.manifest_of(request.tool), judgement.standing.token
    behind = token.claims.actors if token else ()
    guards: list[Guard] = [
        NotKilled(action.execution, frozenset({request.principal, *behind})),
        *begin_attempt(manifest, request.arguments, key=action.key, execution=action.execution, at=now),
        *oblige(manifest, request.arguments, key=action.key, execution=action.execution, at=now),
        *on.facts.limits.take(
            action, judgement.facts, manifest, cost=lambda: on.facts.cost_of(action), now=now
        ),
    ]
    if judgement.approval is not None:
        guards.append(UseApproval(judgement.approval.id, action.digest, now))
    return [*guards, *stand_on(judgement.facts["case"]), *stand_on_history(action, judgement.facts)]


async def reserve(on: Ports, action: Action) -> tuple[ReserveBudget, str]:
    """Return the reservation for a model call and the rule that forbids it, if one does."""
    arguments = action.request.arguments
    ceiling = arguments["max_output_tokens"]
    assert isinstance(ceiling, int)
    model = str(arguments["model"])
    spend, priced = estimate(action.payload, model=model, max_output_tokens=ceiling, price=on.price)
    budget = await on.budgets.get(action.budget)
    refusal = budget.refusal(spend, priced=priced) if budget else "budget.missing"
    return ReserveBudget(action.budget, action.key, spend), refusal
