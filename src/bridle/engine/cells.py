"""The beginnings of strategies: which cells there are, and whether there is another round.

Rules
  1. Cells are recorded when they begin: a replay sees the same ones, whatever has changed since.
  2. A `while` asks its condition before each round; one that makes no round is skipped, and says why.
  3. A window goes on until its time since its beginning is over.

Whether a node runs at all, and how it ends, is `blocks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bridle.core.canonical import Json
from bridle.core.clock import from_iso
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.blocks import (
    answer_of_end,
    ask_condition,
    describe_refusal,
    describe_unresolved,
    end_node,
    evaluate,
    fail_node,
)
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.result import TIME_OVER, Standing
from bridle.engine.selection import NOT_CHOSEN, is_left_out
from bridle.engine.work import Answer
from bridle.pipeline.cells import count_cells, name_cells
from bridle.pipeline.conditions import DEFAULT_OF_STEP, ConditionResult
from bridle.pipeline.expressions import resolve
from bridle.pipeline.strategy import Strategy
from bridle.trust.journal import Kind


async def expand_cells(desk: Desk, position: Position, standing: Standing) -> Answer:
    """See `work.Worker.expand`."""
    last = await desk.bench.journal.last(
        desk.execution.id, position.name, (Kind.BLOCK_STARTED, Kind.BLOCK_ENDED)
    )
    if last is not None and last.kind is Kind.BLOCK_ENDED:
        return answer_of_end(last.body)
    if last is not None:
        return _cells_answer(last.body)
    cut = await desk.interruption(position)
    if cut is not None:
        return cut
    strategy = position.node.strategy
    assert strategy is not None
    if is_left_out(desk.execution.options, position):
        return await end_node(desk, position, State.SKIPPED, NOT_CHOSEN)
    try:
        refused = await ask_condition(desk, position, standing)
        if refused is not None:
            return await end_node(desk, position, State.SKIPPED, describe_refusal(refused))
        body = await _expand(desk, position, strategy)
    except InputError as error:
        return await fail_node(desk, position, error)
    record = (await desk.append([desk.entry(Kind.BLOCK_STARTED, position.path, body)], []))[-1]
    return _cells_answer(record.body)


async def ask_again(desk: Desk, cell: Position, standing: Standing) -> Answer:
    """See `work.Worker.again`."""
    strategy = cell.node.strategy
    assert strategy is not None
    cut = await desk.interruption(cell)
    if cut is not None:
        return cut
    if desk.is_over(standing):
        return {"state": str(State.FAILED), "stop": TIME_OVER}
    first = await desk.bench.journal.last(desk.execution.id, _whole(cell).path, (Kind.BLOCK_STARTED,))
    assert first is not None
    if strategy.kind == "window":
        return _ask_window(desk, strategy, from_iso(first.at), cell.cell or 0, standing)
    begins = from_iso(first.at) if not cell.cell else await _end_of_round(desk, cell)
    wait_s = _until(desk, begins, strategy.delay_s) if cell.cell else 0.0
    if wait_s > 0:
        return {"state": str(State.WAITING), "timeout_s": min(wait_s, desk.left_s(standing))}
    try:
        context = await desk.context(cell)
        wanted = evaluate(strategy.condition, context, Standing(), default=DEFAULT_OF_STEP)
    except InputError as error:
        return await fail_node(desk, cell, error, retries=False)
    return {"state": str(State.RUNNING)} if wanted.value else await _end_loop(desk, cell, wanted)


async def _end_loop(desk: Desk, cell: Position, wanted: ConditionResult) -> Answer:
    """Record why there is no other round, where nothing else says so: no round was made, or what was asked for is not there."""
    whole, is_first = _whole(cell), not cell.cell
    if not is_first and not wanted.unresolved:
        return {"state": str(State.SUCCEEDED)}
    known = await desk.bench.journal.last(desk.execution.id, whole.name, (Kind.BLOCK_ENDED,))
    if known is not None:
        return answer_of_end(known.body)
    if is_first:
        return await end_node(desk, whole, State.SKIPPED, describe_refusal(wanted))
    note = f"no other round: {describe_unresolved(wanted.unresolved)}"
    body: dict[str, Json] = {"state": str(State.SUCCEEDED), "note": note, "output": None, "shown": True}
    await desk.append([desk.entry(Kind.BLOCK_ENDED, whole.name, body)], [])
    return {"state": str(State.SUCCEEDED)}


def _ask_window(desk: Desk, strategy: Strategy, begun: Any, index: int, standing: Standing) -> Answer:
    """Round `index` begins `index` intervals after the window; the last one not after its end."""
    assert strategy.window_s is not None
    offset_s = index * max(strategy.delay_s, 1)
    if offset_s > strategy.window_s:
        return {"state": str(State.SUCCEEDED)}
    wait_s = _until(desk, begun, offset_s)
    if wait_s > 0:
        return {"state": str(State.WAITING), "timeout_s": min(wait_s, desk.left_s(standing))}
    return {"state": str(State.RUNNING)}


async def _end_of_round(desk: Desk, cell: Position) -> Any:
    before = cell.in_cell((cell.cell or 0) - 1)
    kinds = (Kind.STEP_ENDED, Kind.BLOCK_ENDED)
    record = await desk.bench.journal.last(desk.execution.id, before.path, kinds)
    return from_iso(record.at) if record else desk.now()


def _until(desk: Desk, begun: Any, offset_s: int) -> float:
    left: timedelta = begun + timedelta(seconds=offset_s) - desk.now()
    return left.total_seconds()


async def _expand(desk: Desk, position: Position, strategy: Strategy) -> dict[str, Json]:
    context = await desk.context(position)
    rendered = resolve(strategy.spec(), context)
    try:
        counted = count_cells(strategy, rendered.value)
        return counted | name_cells(strategy, counted, context)
    except InputError as error:
        if not rendered.unresolved:
            raise
        what = f"{error.what}; {describe_unresolved(rendered.unresolved)}"
        raise InputError(what, reason=error.reason, hint=error.hint) from error


def _cells_answer(body: Mapping[str, Json]) -> Answer:
    if not body["count"]:
        return {"state": str(State.SKIPPED), "note": "no cells"}
    return {"state": str(State.RUNNING), "cells": body["count"], "max_parallel": body["max_parallel"]}


def _whole(cell: Position) -> Position:
    return cell.in_cell(-1)
