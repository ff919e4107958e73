"""The beginnings and ends of blocks: conditions, inputs of templates, outputs, time. Those of strategies are `cells`.

Rules
  1. What cannot be evaluated fails its node, with the reason; it is never taken for false. A journal
     that cannot be read is no such thing: the error leaves the workflow, and no failure strategy is asked about it.
  2. The inputs of a template are recorded when it begins: a replay sees the same ones, whatever has changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import iso
from bridle.core.errors import InputError
from bridle.core.notes import add_remark, note_of
from bridle.core.states import State
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.result import FORGIVEN, TIME_OVER, Result, Standing
from bridle.engine.selection import NOT_CHOSEN, is_left_out
from bridle.engine.work import Answer
from bridle.pipeline.conditions import (
    DEFAULT_OF_STAGE,
    DEFAULT_OF_STEP,
    ConditionResult,
    evaluate_condition,
)
from bridle.pipeline.deployments import evaluate_deployment
from bridle.pipeline.expressions import render
from bridle.pipeline.failure import FAIL, choose_action
from bridle.pipeline.tree import Block
from bridle.pipeline.variables import evaluate_variables
from bridle.trust.journal import Kind


async def begin(desk: Desk, root: Position) -> Answer:
    """See `work.Worker.begin`."""
    try:
        context = await desk.context(root)
        wanted = evaluate(desk.plan.condition, context, Standing(), default=DEFAULT_OF_STAGE)
    except InputError as error:
        return {
            "state": str(State.FAILED),
            "note": note_of(error),
            **judge_block(desk, root, error="unknown"),
        }
    if not wanted.value:
        return {"state": str(State.SKIPPED), "note": describe_refusal(wanted)}
    return {"state": str(State.RUNNING), "deadline": _deadline(desk, desk.plan.timeout_s)}


async def enter(desk: Desk, position: Position, standing: Standing) -> Answer:
    """See `work.Worker.enter`."""
    last = await desk.bench.journal.last(desk.execution.id, position.name, (Kind.BLOCK_ENDED,))
    if last is not None:
        return answer_of_end(last.body)
    cut = await desk.interruption(position)
    if cut is not None:
        return cut
    block = position.node
    assert isinstance(block, Block)
    if is_left_out(desk.execution.options, position):
        return await end_node(desk, position, State.SKIPPED, NOT_CHOSEN)
    try:
        refused = await ask_condition(desk, position, standing)
        if refused is None and (block.inputs is not None or block.variables or _deploys(desk, block)):
            await _record_beginning(desk, position, block)
    except InputError as error:
        return await fail_node(desk, position, error)
    if refused is not None:
        return await end_node(desk, position, State.SKIPPED, describe_refusal(refused))
    return {"state": str(State.RUNNING), "deadline": _deadline(desk, block.timeout_s)}


async def leave(
    desk: Desk, position: Position, result: Result, *, fault: Mapping[str, Json] | None = None
) -> Answer:
    """See `work.Worker.leave`. The block's own failure strategy is asked only for what failed at its end.

    `fault` is what failed beside its nodes, with its note and what becomes of it; it counts where nothing else has failed.
    """
    last = await desk.bench.journal.last(desk.execution.id, position.name, (Kind.BLOCK_ENDED,))
    if last is not None:
        return _left(last.body)
    if isinstance(position.node, Block) and position.node.kind == "stage":
        await desk.bench.locks.release_scope(desk.execution.id, position.path)
    block, state = position.node, result.worst if result.breaks else result.state
    output: Json = None
    note, failed_here = "", False
    try:
        stands_for_cells = block.strategy is not None and position.cell is None
        if isinstance(block, Block) and not result.breaks and not stands_for_cells:
            output = await _outputs(desk, position, block)
    except InputError as error:
        state, note, failed_here = State.FAILED, describe_fault(position, error), True
    is_shown = failed_here  # no step says so; of a service that failed, its own end does
    answer: dict[str, Json] = judge_block(desk, position, error="unknown") if failed_here else {}
    if answer.get("reaction") in FORGIVEN:
        note = add_remark(note, "failure ignored")
    if fault is not None and not result.breaks and not failed_here:
        state, note, failed_here = State.FAILED, str(fault["note"]), True
        answer = {name: value for name, value in fault.items() if name != "note"}
    if result.stop == TIME_OVER:
        note = "its time was over"
    body: dict[str, Json] = {"state": str(state), "note": note, "output": output, "answer": answer}
    body |= {"failed_here": failed_here, "shown": is_shown}
    record = (await desk.append([desk.entry(Kind.BLOCK_ENDED, position.name, body)], []))[-1]
    await desk.rouse(position)
    return _left(record.body)


def _left(body: Mapping[str, Json]) -> Answer:
    """What failed before the block's end has been counted already."""
    state = State.FAILED if body.get("failed_here") else State.SUCCEEDED
    return {"state": str(state), **as_mapping(body.get("answer") or {})}


def judge_time(desk: Desk, position: Position) -> Answer:
    """See `work.Worker.judge_time`."""
    return {"state": str(State.FAILED), **judge_block(desk, position, error="timeout")}


def judge_block(desk: Desk, position: Position, *, error: str, retries: bool = True) -> dict[str, Json]:
    """Return what the failure strategy makes of a block that itself has failed. Nobody can be asked what becomes of it.

    Attempts are counted for each cell: what stands for all of them is not tried again, and a group around it would be for ever.
    """
    group_attempt = position.group_attempt()
    action = choose_action(
        position.failure_levels(), state=State.FAILED, error=error, attempt=None, group_attempt=group_attempt
    )
    is_whole = position.address != () and position.node.strategy is not None and position.cell is None
    if action.reaction == "manual-intervention" or (
        action.reaction == "retry-step-group" and (is_whole or not retries)
    ):
        return {"reaction": FAIL.reaction}
    told: dict[str, Json] = {"reaction": action.reaction}
    if action.reaction == "retry-step-group" and (wait_s := action.interval_s(group_attempt or 1)):
        told["until"] = iso(desk.now() + timedelta(seconds=wait_s))
    return {**told, "fail_all": True} if action.fail_all else told


async def ask_condition(desk: Desk, position: Position, standing: Standing) -> ConditionResult | None:
    """Return why the node is not run, or None. A cell is asked its strategy's own condition."""
    wanted = evaluate_node(desk, position, standing, await desk.context(position))
    return None if wanted.value else wanted


def evaluate_node(
    desk: Desk, position: Position, standing: Standing, context: Mapping[str, Json]
) -> ConditionResult:
    """Return whether a node runs; raise ExpressionError when that can't be told."""
    node = position.node
    is_stage = isinstance(node, Block) and (node.kind == "stage" or node.of == "stages")
    default = DEFAULT_OF_STAGE if is_stage else DEFAULT_OF_STEP
    strategy = node.strategy
    if position.cell is not None and strategy is not None:
        condition = strategy.condition if strategy.kind != "while" else ""
        relaxed = (
            Standing() if node.condition else standing
        )  # the whole was asked with the status words already
        return evaluate(condition, context, relaxed, default=default)
    return evaluate(node.condition, context, standing, default=default)


def evaluate(
    condition: str, context: Mapping[str, Json], standing: Standing, *, default: str
) -> ConditionResult:
    """Return whether a condition holds where the work around it stands as it does; raise ExpressionError."""
    return evaluate_condition(
        condition,
        context,
        pipeline_failed=standing.failed,
        stage_failed=standing.stage_failed,
        default=default,
    )


_FAILED_BEFORE = {DEFAULT_OF_STAGE: "an earlier stage failed", DEFAULT_OF_STEP: "an earlier step failed"}


def describe_refusal(wanted: ConditionResult) -> str:
    """Return why a node was skipped: what went wrong before it is no condition of its own."""
    return _FAILED_BEFORE.get(wanted.default) or describe_unresolved(wanted.unresolved) or "condition not met"


def describe_unresolved(paths: tuple[str, ...]) -> str:
    """Return the note for paths that led nowhere, or an empty string."""
    return f"unresolved: {', '.join(paths)}" if paths else ""


async def _record_beginning(desk: Desk, position: Position, block: Block) -> None:
    """Record what the inputs and the variables of a block are, as they stand around it when it begins."""
    known = await desk.bench.journal.last(desk.execution.id, position.path, (Kind.BLOCK_STARTED,))
    if known is not None:
        return
    context = await desk.context(position)
    body: dict[str, Json] = {}
    if block.inputs is not None:
        body["inputs"] = render(dict(block.inputs), context)
    if block.variables:
        body["variables"] = evaluate_variables(block.variables, context)
    if _deploys(desk, block):
        inherited = as_mapping(desk.execution.options.get("deployment") or {})
        body["deployment"] = evaluate_deployment(block.deployment, context) if block.deployment else inherited
    await desk.append([desk.entry(Kind.BLOCK_STARTED, position.path, body)], [])


def _deploys(desk: Desk, block: Block) -> bool:
    """True for a stage with a service or an environment, also with that of the stage which chains this pipeline."""
    return block.kind == "stage" and bool(block.deployment or desk.execution.options.get("deployment"))


async def _outputs(desk: Desk, position: Position, block: Block) -> Json:
    """Return what a block puts out: its own expressions, or the output of its only node."""
    if block.outputs:
        return render(dict(block.outputs), await desk.context(position, inside=True))
    if block.inputs is not None and len(block.nodes) == 1:
        await desk.known.refresh()
        inner = desk.known.find(position.below(0).path)
        return desk.known.ended(inner).get("output") if inner else None
    return None


async def fail_node(desk: Desk, position: Position, error: InputError, *, retries: bool = True) -> Answer:
    """Record that a node could not begin; its failure strategy says what becomes of that."""
    told = judge_block(desk, position, error="unknown", retries=retries)
    ignored = "; failure ignored" if told["reaction"] in FORGIVEN else ""
    return await end_node(desk, position, State.FAILED, describe_fault(position, error, ignored), told)


def describe_fault(position: Position, error: InputError, ignored: str = "") -> str:
    """Return the note of a node that failed itself: its line, what is wrong, and the reason by its name."""
    where = ": ".join(dict.fromkeys(place for place in (position.node.place, error.where) if place))
    hint = "" if ignored else error.hint
    return note_of(InputError(f"{error.what} ({error.reason}){ignored}", where=where, hint=hint))


async def end_node(
    desk: Desk, position: Position, state: State, note: str, told: Mapping[str, Json] | None = None
) -> Answer:
    """Record the end of a node of which nothing was run; `told` is what its failure strategy makes of it."""
    answer = dict(told or {})
    body: dict[str, Json] = {"state": str(state), "note": note, "output": None, "left_out": True}
    body["answer"] = answer
    if isinstance(position.node, Block) and position.node.transparent:
        body["covers"] = [below.path for below in _below(position)]
    await desk.append([desk.entry(Kind.BLOCK_ENDED, position.name, body)], [])
    await desk.rouse(position)
    return {"state": str(state), "note": note, **answer}


def answer_of_end(body: Mapping[str, Json]) -> Answer:
    """Return the answer that the record of a node which did not begin holds."""
    return {"state": body["state"], **as_mapping(body.get("answer") or {})}


def _below(position: Position) -> Iterator[Position]:
    """Yield the nodes of a transparent block, which are named as if they stood around it."""
    block = position.node
    assert isinstance(block, Block)
    for index, node in enumerate(block.nodes):
        here = position.below(index)
        if isinstance(node, Block) and node.transparent:
            yield from _below(here)
        else:
            yield here


def _deadline(desk: Desk, timeout_s: int | None) -> str:
    return "" if timeout_s is None else iso(desk.now() + timedelta(seconds=timeout_s))
