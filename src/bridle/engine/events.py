"""Events of the policy: sets that are bound `on: save`, `run` or `step` are asked before an execution or a step does anything.

Rules
  1. An event is an action like any other (`pipeline.save`, `pipeline.begin`, `pipeline.step`), of who started the execution:
     decided by the gate, recorded, and asked about where a rule asks. It does nothing: what it lets through is the step that
     waits for it.
  2. It is decided once, for exactly this plan with these inputs, or this attempt of this step. A denial denies the step; where
     the plan, or the beginning of an execution, is denied, so is every step of it.
  3. A plan is saved when an execution takes it in: what is run is the file as it is then. The rules see all of it.
  4. Nobody is asked, and nothing is recorded, where no set is bound to the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, digest
from bridle.dispatch.protocol import Request
from bridle.engine.execution import place_of
from bridle.engine.steps import Ending, Leg, end_with
from bridle.gate.action import Action, Done, Purpose
from bridle.gate.asking import Ask
from bridle.trust.bindings import BEGIN_RUN, BEGIN_STEP, SAVE
from bridle.trust.journal import GuardError, Kind
from bridle.trust.lending import lend
from bridle.trust.tokens import mint

NEEDS = frozenset({"execution:start"})
TTL = timedelta(minutes=5)


async def ask_events(leg: Leg) -> Ending | None:
    """Return what keeps the step from beginning, or None when every set that is bound to its events lets it."""
    for tool, path, arguments in _due(leg):
        if tool in leg.bench.events and (held := await _ask(leg, tool, path, arguments)) is not None:
            return held
    return None


def _due(leg: Leg) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    execution = leg.execution
    inputs = digest(execution.inputs)
    begun = {"pipeline": execution.pipeline, "plan": execution.plan_digest, "inputs": inputs}
    yield SAVE, "save", describe_saving(execution.plan, execution.plan_digest)
    yield BEGIN_RUN, "begin", begun
    uses = leg.body.get("uses")
    step: dict[str, Json] = {"step": leg.path, "kind": leg.step.kind, "uses": str(uses) if uses else ""}
    yield BEGIN_STEP, leg.path, {**begun, **step}


def describe_saving(plan: Mapping[str, Json], digest: str) -> dict[str, Json]:
    """Return what the rules see of a plan that is saved; `plan` is its JSON."""
    return {"pipeline": plan["id"], "plan": digest, "document": plan}


async def _ask(leg: Leg, tool: str, path: str, arguments: Mapping[str, Json]) -> Ending | None:
    execution, bench = leg.execution, leg.bench
    key = f"{execution.id}/{path}#event"
    decided = await bench.journal.last(execution.id, key, (Kind.DECIDED,))
    if decided is not None and decided.body["effect"] == "allow":
        return None
    deployment = leg.deployment if tool == BEGIN_STEP else None
    place = place_of(execution, deployment)
    initiator = await bench.principals.get(execution.initiator, place)
    assert initiator is not None  # it was registered before the execution was
    own_step = f"{leg.path}#event"  # branches ask at the same time, each with a token of its own
    minted = mint(
        actor=initiator,
        initiator=initiator,
        asked_for=NEEDS,
        execution=execution.id,
        step=own_step,
        expires_at=bench.clock.now() + TTL,
        place=place,
        boundary=bench.principals.boundary(place),
    )
    who = leg.path if tool == BEGIN_STEP else execution.pipeline
    message = f"{who} wants to {'be saved' if tool == SAVE else 'begin'}"
    async with lend(bench.journal, minted) as secret:
        action = Action(
            request=Request(key, tool, arguments, initiator.id, str(Purpose.REVIEW)),
            execution=execution.id,
            step=own_step,
            boundary=Boundary(write=()),
            token=secret,
            deployment=deployment,
        )
        try:
            result = await bench.gate.settle(action, Ask(message=message, topic=path))
        except GuardError:  # another branch has just asked the same, or used the answer up: it is there now
            result = await bench.gate.settle(action, Ask(message=message, topic=path))
    return None if isinstance(result, Done) else await end_with(leg, result)
