"""Who a step acts as, and what its token may ask for.

An agent acts as itself; every other step as the person who started the execution. An approval acts for the step it is for,
so that what is asked and what is later done have one standing; one that is for no step acts for itself. A step that
performs no action has no token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridle.agent.admission import admit_agent
from bridle.agent.inline import find_definition
from bridle.agent.narrowing import narrow
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.engine.execution import Execution, place_of
from bridle.engine.steps import Bench
from bridle.engine.steps.approval import find_target, target_path
from bridle.gate.budgets import Budget, OpenBudget
from bridle.gate.manifest import find_manifest
from bridle.pipeline.criteria import CUSTOM
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Step
from bridle.trust.journal import Guard
from bridle.trust.principals import Principal

NEEDS: Mapping[str, frozenset[str]] = {
    "run": frozenset({"command:run"}),
    "background": frozenset({"command:run"}),
    "clone": frozenset({"git:clone"}),
    "wait": frozenset(),
    "approval": frozenset({"pipeline:continue"}),
    "chain": frozenset(),
    "barrier": frozenset(),
    "queue": frozenset(),
    "policy": frozenset(),
}


@dataclass(frozen=True)
class Actor:
    """Who a leg acts as, what its token asks for, for which step, and what is stored when it begins. An agent's token is for the
    purpose of its file and for no other."""

    principal: Principal
    initiator: Principal
    asked_for: frozenset[str]
    step: str
    guards: tuple[Guard, ...] = ()
    purpose: str = ""


async def find_actor(
    bench: Bench,
    execution: Execution,
    plan: Plan,
    step: Step,
    *,
    path: str,
    body: Mapping[str, Json],
    deployment: Mapping[str, Json] | None = None,
) -> Actor:
    """Return who performs the step at `path`, with what they may do where its stage deploys to; raise InputError for an agent or
    a tool that does not exist."""
    initiator = await bench.principals.get(execution.initiator, place_of(execution, deployment))
    assert initiator is not None  # it was registered before the execution was
    if step.kind == "agent":
        actor = await _agent(bench, execution, body, path, initiator)
        return replace(actor, asked_for=_narrow(actor.asked_for, step))
    if step.kind == "approval" and target_path(body):
        target = find_target(plan, body)
        return Actor(initiator, initiator, _needs(target), target_path(body))
    return Actor(initiator, initiator, _needs(step), path)


def _needs(step: Step) -> frozenset[str]:
    """Return what the step's token asks for; raise InputError when its permissions leave nothing of what it needs."""
    if step.kind == "tool":
        return _narrow(frozenset({find_manifest(str(step.with_["uses"])).needs}), step)
    is_custom = step.kind == "approval" and step.with_["uses"] == CUSTOM
    return _narrow(NEEDS["run" if is_custom else step.kind], step)


def _narrow(asked_for: frozenset[str], step: Step) -> frozenset[str]:
    """A block of permissions takes away; what has nothing left would act without a token, and does not act at all."""
    if step.permissions is None:
        return asked_for
    left = asked_for & frozenset(step.permissions)
    if asked_for and not left:
        raise InputError(
            f"the permissions around {step.id} leave it nothing of {', '.join(sorted(asked_for))}",
            where=step.place,
            hint="add what it needs to the block, or take the step out",
            reason="permission-missing",
        )
    return left


async def _agent(
    bench: Bench,
    execution: Execution,
    body: Mapping[str, Json],
    path: str,
    initiator: Principal,
) -> Actor:
    """An agent's version is admitted, and its budget opened, before its first action.

    It is admitted as its file has it; its token and its budget are what the step leaves of that.
    """
    definition = find_definition(body, roots=bench.roots)
    narrowed = narrow(definition, body)
    principal = await admit_agent(
        definition,
        stream=execution.id,
        principals=bench.principals,
        journal=bench.journal,
        first_use=not bench.approved_agents_only,
    )
    budget = Budget(
        id=f"{execution.id}/{path}",
        max_turns=narrowed.limits.max_turns,
        max_tokens=narrowed.limits.max_tokens,
        max_cost_usd=narrowed.limits.max_cost_usd,
    )
    return Actor(
        principal,
        initiator,
        narrowed.permissions,
        path,
        guards=(OpenBudget(budget),),
        purpose=str(definition.purpose),
    )
