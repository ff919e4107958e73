"""Which step of a plan has to have ended before another may begin: read from the plan alone, not from how it is walked.

Where two paths part, the block around both decides: one after the other in a sequence, in rounds and in attempts; beside each
other in a parallel block and in the cells of a strategy, unless one needs the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import UNBOUNDED
from bridle.pipeline.tree import AnyNode, Block, Step
from bridle.trust.journal import Kind, Record

PART = re.compile(r"([a-z0-9]+)(?:_(\d+))?(?:~(\d+))?")


@dataclass(frozen=True)
class Turn:
    """One node on the way down to a step: in which place of its block, which cell, which attempt."""

    node: AnyNode
    index: int
    cell: int
    attempt: int


def find_disorder(plan: Plan, records: Sequence[Record]) -> list[str]:
    """Return the steps that began before what has to come first had ended."""
    begun: dict[str, int] = {}
    ended: dict[str, int] = {}
    for record in records:
        if record.kind in (Kind.STEP_STARTED, Kind.STEP_ENDED):
            begun.setdefault(record.subject, record.seq)
        if record.kind is Kind.STEP_ENDED:
            ended[record.subject] = record.seq
    ways = {path: way for path in begun if (way := trace(plan, path))}
    return [
        f"{later} began before {first} had ended"
        for first, one in ways.items()
        for later, other in ways.items()
        if comes_first(one, other) and ended.get(first, begun[later]) >= begun[later]
    ]


def trace(plan: Plan, path: str) -> list[Turn]:
    """Return the way down to the step at `path`; nothing when no step stands there."""
    way: list[Turn] = []
    nodes: tuple[AnyNode, ...] = plan.stages
    for part in path.split("/"):
        found = PART.fullmatch(part)
        turns = next(_seek(nodes, found[1]), []) if found else []
        if not turns or found is None:
            return []
        last = turns[-1]
        way += [*turns[:-1], Turn(last.node, last.index, int(found[2] or -1), int(found[3] or 1))]
        nodes = last.node.nodes if isinstance(last.node, Block) else ()
    return way if isinstance(way[-1].node, Step) else []


def _seek(nodes: tuple[AnyNode, ...], id_: str) -> Iterator[list[Turn]]:
    for index, node in enumerate(nodes):
        here = Turn(node, index, -1, 1)
        if isinstance(node, Block) and node.transparent:
            for turns in _seek(node.nodes, id_):
                yield [here, *turns]
        elif node.id == id_:
            yield [here]


def comes_first(one: Sequence[Turn], other: Sequence[Turn]) -> bool:
    """True when the step at the end of `one` has to have ended before the one at the end of `other` begins."""
    around: AnyNode | None = None
    for mine, theirs in zip(one, other, strict=False):
        if mine.index != theirs.index:
            beside = isinstance(around, Block) and around.kind == "parallel"
            return mine.node.id in theirs.node.needs if beside else mine.index < theirs.index
        if mine.cell != theirs.cell:
            strategy = mine.node.strategy
            return strategy is not None and strategy.kind in UNBOUNDED and mine.cell < theirs.cell
        if mine.attempt != theirs.attempt:
            return mine.attempt < theirs.attempt
        around = mine.node
    return False
