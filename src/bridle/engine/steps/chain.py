"""`chain`: another pipeline as a step. It is an execution of its own, with its own records and limits, linked to this one.

Its plan was fixed when this one was planned, with the outputs that this one wants of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.states import State
from bridle.engine.execution import Execution
from bridle.engine.steps import Ended, Ending, Leg, Waiting
from bridle.pipeline.expressions import render
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.plan import Plan

QUEUE_LOOK_S = 2.0
CHILD_LOOK_S = 30.0  # an end wakes who waits for it; this is for a wake that was lost with its process


async def perform_chain(leg: Leg) -> Ending:
    """Start the other pipeline once, and wait for its end."""
    plan = Plan.from_json(leg.body["plan"])  # type: ignore[arg-type]  # a plan's own step: it was checked when it was read
    given = render(leg.body.get("inputs") or {}, leg.context)
    assert isinstance(given, Mapping)
    inputs = resolve_inputs(plan, given)
    options: dict[str, Json] = {"deployment": leg.deployment} if leg.deployment else {}
    child = await leg.starter.start_child(
        leg.execution, path=leg.path, plan=plan, inputs=inputs, options=options
    )
    if child.state is State.PENDING:
        return Waiting(QUEUE_LOOK_S, f"{plan.id} stands in line as {child.id}")
    if not child.state.ended:
        return Waiting(CHILD_LOOK_S, f"{plan.id} runs as {child.id}")
    return await _end(leg, child)


async def _end(leg: Leg, child: Execution) -> Ended:
    output = {**await leg.starter.outputs_of(child), "execution": child.id}
    if child.state is State.SUCCEEDED:
        return Ended(State.SUCCEEDED, output)
    state = child.state if child.state in (State.DENIED, State.UNKNOWN) else State.FAILED
    return Ended(state, output, note=f"{child.id}: {child.state}", error="unknown")
