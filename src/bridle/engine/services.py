"""Background services: which of them a step reaches, begun again where that is needed, and their ends.

Rules
  1. A service belongs to the nearest group or stage with a name that its step stands in, and ends with it, however that ends.
  2. The `run` steps of its stage reach it from then on: those within the group where it belongs to one. No agent does, for a
     service may hold secrets; nor does a verification, whose result is to follow from the tree alone.
  3. Services end with the process that carries their execution. Whoever carries it next begins them again before a step that
     reaches them. One that has ended by itself is not begun again.
  4. How a service ended is recorded at `STEP/ended`, with what it printed last. One that did not run to the end of its block
     and came to anything but exit code 0 has failed, and its block with it; its failure strategy may ignore that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import ExecutionError
from bridle.core.notes import add_remark
from bridle.core.states import State
from bridle.engine.actors import find_actor
from bridle.engine.aside import act_aside, perform_aside
from bridle.engine.blocks import judge_block
from bridle.engine.branches import workspace_of
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.result import FORGIVEN, Standing
from bridle.engine.steps import STOPPED
from bridle.engine.steps.background import start_action, workspace_of_service
from bridle.engine.work import Answer
from bridle.pipeline.expressions import resolve
from bridle.pipeline.tree import Block, Step
from bridle.trust.journal import Kind

ENDED = "ended"
REACHES = frozenset({"run", "approval"})  # a custom approval runs a script as well
_RUN = re.compile(r"(?:_(?P<cell>\d+))?(?:~(?P<attempt>\d+))?")


@dataclass(frozen=True)
class Service:
    """One run of a background step that has begun a service. The record of its end has the path `ended`."""

    position: Position

    @property
    def path(self) -> str:
        return self.position.path

    @property
    def ended(self) -> str:
        return f"{self.path}/{ENDED}"


async def attend(desk: Desk, position: Position) -> str:
    """Return the stage whose services the step at `position` reaches, once all of them run here; empty when it reaches none.

    Raise ExecutionError for one that cannot be begun again.
    """
    if not desk.has_services or position.node.kind not in REACHES:
        return ""
    await desk.known.refresh()
    found = [service for scope in _scopes_around(position) for service in _find_open(desk, scope)]
    async with desk.serving:
        for service in found:
            if not await desk.bench.gate.serves(desk.execution.id, service.path):
                await _begin_again(desk, service)
    stage = position.stage()
    return stage.path if found and stage is not None else ""


async def end_services(desk: Desk, position: Position) -> Answer | None:
    """End the services that belong to a block; return the failure of one that nothing forgives, with what becomes of it."""
    if not desk.has_services or isinstance(position.node, Step) or position.node.transparent:
        return None
    await desk.known.refresh()
    faults = [await _end(desk, service) for service in _find_open(desk, position)]
    return next((fault for fault in faults if fault is not None), None)


def _scopes_around(position: Position) -> Iterator[Position]:
    for length in range(len(position.address) - 1, 0, -1):
        here = position.around(length)
        if isinstance(here.node, Block) and not here.node.transparent:
            yield here


def _find_open(desk: Desk, scope: Position) -> list[Service]:
    """Return the services that were begun in a scope and whose ends are not recorded."""
    steps = list(_steps_in(scope))
    ended = desk.known.ended_in(scope.path) if steps else {}
    found = [Service(run) for step in steps for run in _runs_of(step, ended)]
    return [service for service in found if not desk.known.ended(service.ended)]


def _steps_in(scope: Position) -> Iterator[Position]:
    """Yield the background steps of a scope, those in blocks without a name included."""
    assert isinstance(scope.node, Block)
    for index, node in enumerate(scope.node.nodes):
        here = scope.below(index)
        if isinstance(node, Step) and node.kind == "background":
            yield here
        elif isinstance(node, Block) and node.transparent:
            yield from _steps_in(here)


def _runs_of(step: Position, ended: Mapping[str, Mapping[str, Json]]) -> Iterator[Position]:
    """Yield the cells and attempts of a step that began a service."""
    for name, body in ended.items():
        run = _RUN.fullmatch(name.removeprefix(step.node.id)) if name.startswith(step.node.id) else None
        if run is None or body["state"] != State.SUCCEEDED or bool(run["cell"]) != bool(step.node.strategy):
            continue
        here = step.in_cell(int(run["cell"])) if run["cell"] else step
        yield here.as_attempt(int(run["attempt"] or 1))


async def _begin_again(desk: Desk, service: Service) -> None:
    position = service.position
    step = position.node
    assert isinstance(step, Step)
    context, deployment = await desk.context(position), await desk.deployment(position)
    body = as_mapping(resolve(step.with_, context).value)
    actor = await find_actor(
        desk.bench, desk.execution, desk.plan, step, path=service.path, body=body, deployment=deployment
    )
    outcomes = await desk.bench.journal.read(execution=desk.execution.id, kinds=(Kind.OUTCOME,))
    begun = sum(one.subject.startswith(f"{desk.execution.id}/{service.path}#") for one in outcomes)
    done = await perform_aside(
        desk,
        service.path,
        lambda minted: start_action(
            desk.open_leg(
                position,
                body=body,
                context=context,
                token=minted,
                started_at=desk.now(),
                workspace=workspace_of(desk.execution, position),
                standing=Standing(),
                deployment=deployment,
            ),
            call=begun,
        ),
        asked_for=actor.asked_for,
        deployment=deployment,
    )
    if isinstance(done, str):
        raise ExecutionError(
            f"the service {service.path} ended with the process that ran it, and could not be begun again: {done}",
            where=step.place,
            hint="see to that, then rerun from this stage",
            reason="service-lost",
        )


async def _end(desk: Desk, service: Service) -> Answer | None:
    workspace = workspace_of_service(desk.execution, service.path)
    done = await act_aside(
        desk,
        service.ended,
        "command.stop",
        {"service": service.path},
        workspace=workspace,
        asked_for=frozenset({"command:run"}),
    )
    if isinstance(done, str):  # it was killed: the delegate has ended what it ran
        output, state, note = None, State.CANCELLED, done
    else:
        output = done.value
        state, note = _judge(as_mapping(done.value))
    told = judge_block(desk, service.position, error="unknown") if state is State.FAILED else {}
    ignored = told.get("reaction") in FORGIVEN
    note = add_remark(note, "failure ignored") if ignored else note
    body: dict[str, Json] = {"state": str(state), "note": note, "ignored": ignored, "output": output}
    await desk.append([desk.entry(Kind.STEP_ENDED, service.ended, {**body, "reaction": told})], [])
    if not told or ignored:
        return None
    return {"note": f"the service {service.path}: {note}", **told}


def _judge(value: Mapping[str, Json]) -> tuple[State, str]:
    """Say what the end of a service counts as."""
    match value["why"]:
        case "stopped":
            return State.SUCCEEDED, ""
        case "gone":
            return State.SUCCEEDED, "it ended with the process that ran it, and no step has needed it since"
        case "exit" if value["exit_code"] == 0:
            return State.SUCCEEDED, "it ended by itself"
        case "exit":
            return State.FAILED, f"it ended by itself: exit code {value['exit_code']}"
        case "setup":
            return State.FAILED, str(value.get("error") or STOPPED["setup"])
        case why:
            return State.FAILED, STOPPED.get(str(why), f"stopped: {why}")
