"""Rollback: what a stage, or the whole pipeline, did is undone in an execution of its own.

Rules
  1. The declared rollback steps run first, in their order; then the compensations of the actions that really succeeded, the last
     one first. What was not done is not undone.
  2. The rollback is an execution with its own records, tokens and evidence, linked to the one it undoes; it sees that one's
     outputs.
  3. Every cell of a stage is a stage of its own: undone by itself, with its own `matrix` and its own outputs. One that was undone
     already is not undone again when the pipeline is.
  4. A rollback that is not needed (nothing declared, nothing to compensate) has succeeded.
  5. A rollback is started once, whatever crashes in between: its id follows from the execution and the path.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from bridle.core.canonical import Json, as_mapping
from bridle.core.states import State
from bridle.engine.branches import workspace_of
from bridle.engine.context import Known, find_cell
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.result import CANCEL
from bridle.engine.starting import derive_id, rollback_path
from bridle.engine.steps.chain import CHILD_LOOK_S
from bridle.engine.work import Answer
from bridle.gate.manifest import Compensation, builtin_manifests
from bridle.pipeline.expressions import render
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import AnyNode, Block, Step
from bridle.trust.journal import Kind, Record
from bridle.trust.kills import Killed


async def roll_back(desk: Desk, position: Position) -> Answer:
    """See `work.Worker.roll_back`."""
    path = position.path
    plan, stages = await _plan_rollback(desk, position)
    if not stages:
        return {"state": str(State.SUCCEEDED), "note": "nothing to undo"}
    try:
        child = await desk.starter.start_child(
            desk.execution,
            path=rollback_path(path),
            plan=plan,
            inputs=desk.execution.inputs,
            options={"undoes": desk.execution.id, "stages": stages},
        )
    except Killed as killed:  # whoever lifts it decides what becomes of what was done
        return {"state": str(State.CANCELLED), "stop": CANCEL, "note": str(killed)}
    if child.state.ended:
        return {"state": str(child.state), "note": f"rollback {child.id}: {child.state}"}
    return {"state": str(State.WAITING), "timeout_s": CHILD_LOOK_S}


async def _plan_rollback(desk: Desk, position: Position) -> tuple[Plan, dict[str, Json]]:
    """Return the plan, and for each of its stages the path and the cell of the one that it undoes."""
    records = await desk.bench.journal.read(execution=desk.execution.id)
    await desk.known.refresh()
    begun = [stage for stage in _stages(position, desk.known) if _has_begun(stage, records)]
    blocks: list[Block] = []
    undone: dict[str, Json] = {}
    for stage in reversed(begun):
        block = _undo_stage(stage, records, taken=undone)
        if block is not None and not await _is_undone(desk, stage, position):
            blocks.append(block)
            undone[block.id] = {
                "path": stage.path,
                "cell": find_cell(desk.known, stage),
                "workspace": workspace_of(desk.execution, stage),
            }
    plan = Plan(
        id=f"{desk.plan.id}.rollback",
        name=f"Rollback of {desk.plan.name}",
        inputs=desk.plan.inputs,
        stages=tuple(blocks),
        env=desk.plan.env,
        variables=desk.plan.variables,
        policy_sets=desk.plan.policy_sets,
    )
    return plan, undone


async def _is_undone(desk: Desk, stage: Position, asked: Position) -> bool:
    """True when a stage was rolled back by itself before the pipeline is."""
    if stage == asked:
        return False
    child = await desk.executions.get(derive_id(desk.execution.id, rollback_path(stage.path)))
    return child is not None and child.state is State.SUCCEEDED


def _stages(position: Position, known: Known) -> list[Position]:
    if position.address:
        return [position]
    return list(_below(position, position.plan.stages, known))


def _below(position: Position, nodes: Sequence[AnyNode], known: Known) -> Iterator[Position]:
    for index, node in enumerate(nodes):
        for here in _cells(position.below(index), known):
            if isinstance(node, Block) and node.of == "stages":
                yield from _below(here, node.nodes, known)
            elif isinstance(node, Block):
                yield here


def _cells(position: Position, known: Known) -> Iterator[Position]:
    """Yield a node, or the cells that it has been run as."""
    if position.node.strategy is None:
        yield position
        return
    count = known.started(position.path).get("count") or 0
    assert isinstance(count, int)
    yield from (position.in_cell(index) for index in range(count))


def _has_begun(stage: Position, records: Sequence[Record]) -> bool:
    start = f"{stage.path}/"
    return any(record.kind is Kind.STEP_STARTED and record.subject.startswith(start) for record in records)


def _undo_stage(stage: Position, records: Sequence[Record], *, taken: Container[str]) -> Block | None:
    block = stage.node
    assert isinstance(block, Block)
    undone = tuple(_compensate(stage, records))
    if not block.rollback and not undone:
        return None
    return Block(
        id=_name(stage.path, taken),
        name=f"rollback of {block.name}",
        kind="stage",
        nodes=(*block.rollback, *undone),
        condition="<+Always>",
        deployment=_deployment_of(stage, records),
    )


def _name(path: str, taken: Container[str]) -> str:
    """Return an id for what undoes the stage at a path: `a/b` may stand beside a stage that is called `a-b`."""
    name = path.replace("/", "-")
    while name in taken:
        name += "-"
    return name


def _deployment_of(stage: Position, records: Sequence[Record]) -> dict[str, str]:
    """Return what the stage that is undone deployed, as it was recorded: values, no expressions any more."""
    begun = [
        record for record in records if record.kind is Kind.BLOCK_STARTED and record.subject == stage.path
    ]
    found = begun[-1].body.get("deployment") if begun else None
    return {name: str(text) for name, text in found.items() if text} if isinstance(found, Mapping) else {}


def _compensate(stage: Position, records: Sequence[Record]) -> Iterator[Step]:
    """Yield a step for each action of the stage that succeeded and can be compensated, the last one first."""
    done = [
        record
        for record in records
        if record.kind is Kind.OUTCOME and record.body["status"] == "succeeded" and _belongs(record, stage)
    ]
    arguments = {
        record.subject: as_mapping(as_mapping(record.body["request"])["arguments"])
        for record in records
        if record.kind is Kind.DECIDED
    }
    for number, record in enumerate(reversed(done), start=1):
        manifest = builtin_manifests().get(str(record.body["tool"]))
        if manifest is None or manifest.compensation is None:
            continue
        yield _make_step(number, manifest.compensation, arguments[record.subject], record)


def _belongs(record: Record, stage: Position) -> bool:
    return record.subject.startswith(f"{record.execution}/{stage.path}/")


def _make_step(
    number: int, compensation: Compensation, arguments: Mapping[str, Json], record: Record
) -> Step:
    context: dict[str, Json] = {
        "inputs": {"arguments": arguments, "value": record.body["value"], "key": record.subject}
    }
    with_: Any = render(dict(compensation.arguments), context)
    return Step(
        id=f"compensate_{number}",
        name=f"compensate {record.body['tool']}",
        kind="tool",
        with_={"uses": compensation.tool, "with": with_},
        condition="<+Always>",
    )
