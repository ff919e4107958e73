"""Reruns: another execution of the plan that an ended one had, whole or from one of its stages.

Rules
  1. The plan is the one that was recorded, whatever its file says now. Inputs can be others, unless stages are reused.
  2. A stage is reused only when it succeeded, or was left out, and nothing has rolled it back. Its records (steps, cells,
     outputs) are written into the new execution, each naming the one it repeats; nothing is done again.
  3. The workspace begins as it stood at the end of the last reused stage, by the digest that the delegate reported then.
     What had been cloned and committed by then comes along (gate.reruns), except out of the cells of a stage.
  4. What belongs to another execution (a chained pipeline, a rollback) is rerun with that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.notes import add_remark
from bridle.engine.execution import Execution, Executions
from bridle.engine.starting import derive_id
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import AnyNode, Block
from bridle.trust.journal import Entry, Journal, Kind, Record

REUSED = (Kind.STEP_ENDED, Kind.BLOCK_STARTED, Kind.BLOCK_ENDED)
REUSABLE = ("succeeded", "skipped")


@dataclass(frozen=True)
class Reuse:
    """What an execution takes over: from which one, up to which stage, its records, and the workspace's tree (or empty)."""

    source: str
    stage: str
    records: tuple[Record, ...] = ()
    tree: str = ""

    def options(self) -> dict[str, Json]:
        """Return what the new execution's options say of it."""
        from_stage: dict[str, Json] = {"from": self.stage, "tree": self.tree} if self.stage else {}
        return {"rerun_of": self.source, **from_stage}

    def entries(self, execution: str) -> list[Entry]:
        """Return the records as the new execution has them."""
        return [self._repeat(record, execution) for record in self.records]

    def _repeat(self, record: Record, execution: str) -> Entry:
        body: dict[str, Json] = {**record.body, "reused": record.id}
        if "note" in body:
            body["note"] = add_remark(str(body["note"]), f"reused from {self.source}")
        return Entry(record.kind, execution, record.subject, body)


async def find_reuse(
    journal: Journal, executions: Executions, execution: Execution, *, from_stage: str
) -> Reuse:
    """Return what a rerun of an ended execution takes over; raise InputError when it cannot be rerun, or not from there."""
    if not execution.state.ended:
        raise InputError(
            f"{execution.id} has not ended", hint="cancel it, or let it end", reason="has-not-ended"
        )
    if "parent" in execution.options:
        hint = f"bridle rerun {execution.options['parent']}"
        raise InputError(f"{execution.id} belongs to another execution", hint=hint, reason="is-a-child")
    erased = await journal.last(execution.id, execution.id, (Kind.VALUES_ERASED,))
    if erased is not None:
        raise InputError(
            f"what {execution.id} held was erased on {erased.at[:10]} by {erased.body['by']}",
            hint="start a new one with bridle run",
            reason="erased",
        )
    if not from_stage:
        return Reuse(execution.id, "")
    plan = Plan.from_json(execution.plan)
    nodes = _find_earlier(plan, from_stage)
    earlier, names = [node.id for node in nodes], _first_parts(nodes)
    await _refuse_undone(executions, execution, earlier)
    records = await journal.read(execution=execution.id)
    ends = [_find_end(records, stage) for stage in earlier]
    last = max((end.seq for end in ends), default=-1)
    reused = [
        record
        for record in records
        if record.kind in REUSED and names.fullmatch(record.subject.partition("/")[0])
    ]
    tree = _find_tree(records, execution.id, last) or str(execution.options.get("tree", ""))
    return Reuse(execution.id, from_stage, tuple(reused), tree if earlier else "")


def _find_earlier(plan: Plan, from_stage: str) -> list[AnyNode]:
    """Return the stages before one; raise InputError when there is no such stage to begin with."""
    index = next((at for at, node in enumerate(plan.stages) if node.id == from_stage), None)
    if index is None or _is_transparent(plan.stages[index]):
        names = ", ".join(node.id for node in plan.stages if not _is_transparent(node))
        raise InputError(
            f"there is no stage {from_stage!r} to begin with",
            hint=f"begin with one of {names}; a stage inside of a group begins with its group",
            reason="no-such-stage",
        )
    return list(_opened(plan.stages[:index]))


def _opened(nodes: Sequence[AnyNode]) -> Iterator[AnyNode]:
    for node in nodes:
        if isinstance(node, Block) and node.transparent:
            yield from _opened(node.nodes)
        else:
            yield node


def _first_parts(nodes: Sequence[AnyNode]) -> re.Pattern[str]:
    """Return what the first part of a path is below one of these stages: its id, or that of a cell of it."""
    parts = (re.escape(node.id) + (r"(_\d+)?" if node.strategy else "") for node in nodes)
    return re.compile("|".join(parts))


def _is_transparent(node: AnyNode) -> bool:
    return isinstance(node, Block) and node.transparent


async def _refuse_undone(executions: Executions, execution: Execution, earlier: Sequence[str]) -> None:
    for path in ("pipeline", *earlier):
        rollback = derive_id(execution.id, f"{path}/rollback")
        if await executions.get(rollback) is not None:
            raise InputError(
                f"{path} of {execution.id} was rolled back by {rollback}",
                hint="rerun it whole: leave --from out",
                reason="rolled-back",
            )


def _find_end(records: Sequence[Record], stage: str) -> Record:
    ends = [record for record in records if record.kind is Kind.BLOCK_ENDED and record.subject == stage]
    if not ends or ends[-1].body["state"] not in REUSABLE:
        state = ends[-1].body["state"] if ends else "not run"
        raise InputError(
            f"the stage {stage} cannot be reused: it is {state}",
            hint=f"begin with {stage} or a stage before it",
            reason="stage-not-succeeded",
        )
    return ends[-1]


def _find_tree(records: Sequence[Record], workspace: str, last: int) -> str:
    """Return the newest tree that the delegate reported of the execution's own workspace up to record `last`."""
    worked = {
        record.subject
        for record in records
        if record.kind is Kind.INTENDED and _expected_workspace(record) == workspace
    }
    trees = [
        str(facts["tree"])
        for record in records
        if record.kind is Kind.OUTCOME and record.seq < last and record.subject in worked
        if isinstance(facts := record.body["facts"], Mapping) and "tree" in facts
    ]
    return trees[-1] if trees else ""


def _expected_workspace(record: Record) -> Json:
    value: Json = record.body
    for name in ("permit", "content", "expect", "workspace"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
