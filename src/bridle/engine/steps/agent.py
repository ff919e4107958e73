"""`agent`: a governed agent as a step.

The agent acts as its own principal, with a token that is the intersection of its permissions, the initiator's and what is
asked for. After a crash or an approval its loop runs again from the first turn; the gate answers what is already known. The
outputs are what the harness saw it do; what it says beside that is handed on only where its file declares it, and fits.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.agent.definition import AgentDefinition, fill_inputs, step_boundary, write_task
from bridle.agent.inline import find_agent
from bridle.agent.loop import run_agent
from bridle.agent.outcome import Finished, Stopped, Suspended, Undecided
from bridle.agent.outputs import add_answer, check_outputs, describe_outputs
from bridle.agent.seat import Seat
from bridle.core.boundary import Boundary, Suite
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.steps import Ended, Ending, Leg, case_of, wait_for
from bridle.gate.manifest import Manifests

NOT_INPUTS = frozenset({"protect"})  # the suite is an input as well: the agent has to know how to run it


async def perform_agent(leg: Leg) -> Ending:
    """Run the agent until it ends, waits for a person or must stop."""
    definition = find_agent(leg.body, roots=leg.bench.roots)
    given = leg.body.get("with") or {}
    assert isinstance(given, Mapping)
    await leg.bench.refresh_tools()
    _check_reach(definition, leg.bench.manifests)
    inputs = {name: given[name] for name in given if name not in NOT_INPUTS}
    filled = fill_inputs(definition, inputs)
    seat = Seat(
        gate=leg.bench.gate,
        execution=leg.execution.id,
        step=leg.path,
        token=leg.token.secret,
        workspace=leg.workspace,
        model=choose_model(leg, filled.model),
        budget=f"{leg.execution.id}/{leg.path}",
        prompt=filled.prompt,
        boundary=_boundary(definition, given),
        manifests=leg.bench.manifests,
        deployment=leg.deployment,
        case=case_of(leg.execution),
    )
    task = write_task(filled, str(leg.body.get("task") or ""), rules=_rules(leg.body))
    task_text = task + describe_outputs(definition)
    outcome = await run_agent(definition, seat, task_text=task_text)
    if isinstance(outcome, Finished):
        return end_with_outputs(definition, outcome.outputs)
    if isinstance(outcome, Suspended):
        return await wait_for(leg, outcome.approval.approval)
    if isinstance(outcome, Undecided):
        return Ended(State.UNKNOWN, note=outcome.unknown.reason, error="unknown")
    assert isinstance(outcome, Stopped)
    said_twice = outcome.detail.startswith(outcome.note)
    note = outcome.detail if said_twice else ": ".join(filter(None, (outcome.note, outcome.detail)))
    return Ended(outcome.state, note=note, hint=outcome.hint, error="unknown")


def _rules(body: Mapping[str, Json]) -> list[str]:
    listed = body.get("rules") or ()
    assert isinstance(listed, (list, tuple))
    return [str(rule) for rule in listed]


def _check_reach(definition: AgentDefinition, manifests: Manifests) -> None:
    """Raise InputError for an agent whose tools nobody knows here: half an agent is another one."""
    unknown = [tool for tool in definition.tools if manifests.get(tool) is None]
    if unknown:
        raise InputError(
            f"{definition.name} uses {', '.join(unknown)}, and nothing is known of it here",
            hint="name the server in BRIDLE_SERVERS, and let bridle tools list ask it once",
            reason="no-such-tool",
        )


def end_with_outputs(definition: AgentDefinition, seen: Mapping[str, Json]) -> Ended:
    """End as the outputs are what the agent's file declares, or not: a later step sees them only when they are."""
    outputs = add_answer(definition, seen)
    complaint = check_outputs(definition, outputs)
    if complaint:
        return Ended(
            State.FAILED,
            note=f"outputs are not as {definition.name} declares: {complaint}",
            error="verification",
        )
    return Ended(State.SUCCEEDED, outputs)


def choose_model(leg: Leg, of_agent: str) -> str:
    """The run's model wins over the step's, the step's over the agent file's, that over the account's default."""
    names = (leg.execution.options.get("model"), leg.body.get("model"), of_agent, leg.bench.model)
    for name in names:
        if name:
            return str(name)
    raise InputError(
        f"no model is named for {leg.path}",
        where=leg.step.place,
        hint="name one with --model, in the step (model:), in the agent's file, or in BRIDLE_MODEL",
        reason="no-model",
    )


def _boundary(definition: AgentDefinition, given: Mapping[str, Json]) -> Boundary:
    suite, protect = given.get("suite"), given.get("protect") or ()
    assert isinstance(protect, (list, tuple))
    named = Suite(str(suite["script"]), str(suite["report"])) if isinstance(suite, Mapping) else None
    return step_boundary(definition, suite=named, protect=tuple(str(path) for path in protect))
