"""Progress: a loop whose rounds change nothing is stopped, and a person decides what becomes of it.

Rules
  1. A round is what its steps came to, what they put out, and the tree they left in the workspace, each without what varies by
     nature (core.likeness). As many equal rounds in a row as `ROUNDS` are a loop that goes nowhere: another would be the same.
  2. Not judged is what is meant to find nothing new: a verification window, and a loop that polls, which is one with a delay
     whose steps look, or run commands in the sandbox: time passes between its rounds, and they cost nobody anything. Nor is a
     loop whose condition counts its rounds, which ends by itself (to ask whether this is the first one does not end it); nor
     rounds in which a person, another execution or an effect that lasts has a part: those have guards of their own (gate.loops).
     Of a `for` or `repeat` how many cells there are is settled before, and each begins with the same tree. It is judged where its
     cells are the same work over again: made by number, one at a time, with nothing in them that asks which one it is. Commands
     alone may be run as often as somebody likes, to see whether they always come to the same; an agent's rounds cost.
  3. Who decides, among what, and what comes of it is as for a failed step (engine.reactions). `retry` makes another round and
     counts anew, `success` leaves the loop as it stands. When nobody decides, the loop has failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bridle.core.canonical import Json
from bridle.core.likeness import mask_json
from bridle.core.states import State
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.reactions import INTERVENTION_S, intervene
from bridle.engine.result import Standing
from bridle.engine.stepping import answer_of
from bridle.engine.work import Answer
from bridle.gate.loops import is_counted
from bridle.gate.manifest import Effect, builtin_manifests
from bridle.pipeline.tree import AnyNode, Block, Step, walk
from bridle.trust.journal import Kind, Record

ROUNDS = 3  # two may be a coincidence; each one more costs a round that changes nothing
OFFERS = ("retry", "success", "fail", "abort", "stage-rollback", "pipeline-rollback")
POLLING = frozenset({"run", "clone", "wait", "policy", "barrier", "queue"})
ELSEWHERE = frozenset({"approval", "chain"})
_ASKS_WHICH = re.compile(r"\b(?:strategy|for|split|matrix|step)\.")
_COUNTS_ROUNDS = re.compile(r"\b(?:strategy|for)\.")
_ONE_ROUND = re.compile(
    r"\b(?:strategy|for)\.iteration\s*(?:>|\}\})?\s*==\s*\d+"
)  # says that it is the first, and ends nothing


async def judge_progress(desk: Desk, cell: Position, standing: Standing) -> Answer | None:
    """Return what becomes of a loop before its round `cell`, when the rounds before changed nothing; None when it goes on."""
    path = question_about(cell)
    last = await desk.bench.journal.last(desk.execution.id, path, (Kind.STEP_ENDED,))
    if last is None:
        if not await _is_stuck(desk, cell):
            return None
        last = await _stop(desk, path)
    answer = await intervene(desk, cell, standing, answer_of(last), path=path)
    if answer.get("reaction") == "retry":
        return None
    return {"state": str(State.SUCCEEDED)} if answer.get("reaction") == "success" else answer


def question_about(cell: Position) -> str:
    """Return the path at which a person decides about the loop before this round."""
    return f"{cell.in_cell(-1).name}/progress_{cell.cell}"


async def _stop(desk: Desk, path: str) -> Record:
    told: dict[str, Json] = {
        "reaction": "manual-intervention",
        "offers": list(OFFERS),
        "timeout_s": INTERVENTION_S,
        "then": "fail",
    }
    note = f"{ROUNDS} rounds in a row changed nothing; a person decides what becomes of the loop"
    body: dict[str, Json] = {"state": str(State.FAILED), "note": note, "ignored": False, "output": None}
    return (await desk.append([desk.entry(Kind.STEP_ENDED, path, {**body, "reaction": told})], []))[-1]


async def _is_stuck(desk: Desk, cell: Position) -> bool:
    index = cell.cell or 0
    if index < ROUNDS or not _is_judged(cell.node):
        return False
    rounds = [cell.in_cell(number) for number in range(index - ROUNDS, index)]
    records = await _read_since(desk, rounds[0])
    asked = {question_about(cell.in_cell(number)) for number in range(index - ROUNDS + 1, index)}
    if any(record.subject in asked or _lasts(record) for record in records):
        return False  # a person has let it go on since, or it did something that is counted elsewhere
    first, *others = [_describe(round_, records) for round_ in rounds]
    return bool(first["steps"]) and all(other == first for other in others)


def is_repeated(node: AnyNode) -> bool:
    """True for a `for` or `repeat` by number whose cells ask nothing about which of them they are."""
    strategy = node.strategy
    if strategy is None or strategy.kind not in ("for", "repeat") or strategy.items is not None:
        return False
    return not _ASKS_WHICH.search(repr((strategy.condition, replace(node, strategy=None))))


def _is_judged(node: AnyNode) -> bool:
    strategy = node.strategy
    steps = list(_steps(node))
    if strategy is None or any(step.kind in ELSEWHERE for step in steps):
        return False
    if is_repeated(node):
        return any(not _polls(step) for step in steps)
    if strategy.kind != "while" or _COUNTS_ROUNDS.search(_ONE_ROUND.sub("", strategy.condition)):
        return False
    waits = strategy.delay_s > 0 or any(step.kind == "wait" for step in steps)
    return not (waits and all(_polls(step) for step in steps))


def _steps(node: AnyNode) -> Iterator[Step]:
    if isinstance(node, Step):
        yield node
        return
    assert isinstance(node, Block)
    yield from (item for _, item in walk(node.nodes) if isinstance(item, Step))


def _polls(step: Step) -> bool:
    manifest = builtin_manifests().get(str(step.with_.get("uses"))) if step.kind == "tool" else None
    return step.kind in POLLING or (manifest is not None and manifest.effect is Effect.READ)


async def _read_since(desk: Desk, round_: Position) -> Sequence[Record]:
    """Return the ends and outcomes since a round began, and perhaps some from before it."""
    journal, index = desk.bench.journal, round_.cell or 0
    kinds = (Kind.STEP_ENDED, Kind.BLOCK_ENDED)
    before = await journal.last(desk.execution.id, round_.in_cell(index - 1).name, kinds) if index else None
    after = before.seq if before else -1
    return await journal.read(execution=desk.execution.id, after=after, kinds=(Kind.STEP_ENDED, Kind.OUTCOME))


def _lasts(record: Record) -> bool:
    return record.kind is Kind.OUTCOME and is_counted(builtin_manifests().get(str(record.body["tool"])))


def _describe(round_: Position, records: Sequence[Record]) -> dict[str, Json]:
    """Return what a round came to; steps side by side end in any order."""
    start = round_.path
    steps: dict[str, Json] = {}
    tree: Json = None
    for record in records:
        place = record.subject.removeprefix(f"{record.execution}/").partition("#")[0]
        if place != start and not place.startswith((f"{start}/", f"{start}~")):
            continue
        if record.kind is Kind.STEP_ENDED:
            steps[place.removeprefix(start)] = [record.body["state"], mask_json(record.body["output"])]
        else:
            facts = record.body["facts"]
            assert isinstance(facts, dict)
            tree = facts.get("tree", tree)
    return {"steps": steps, "tree": tree}
