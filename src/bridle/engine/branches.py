"""Branches: what runs side by side has a workspace of its own, made before it begins and brought together at its end.

Rules
  1. The nodes of a parallel block, and the cells of a matrix or a loop, each work in a fork of the workspace around them. Only
     branches that work in one at all get one. In a rollback they share the workspace of what they undo, one command at a time.
  2. At the end what the branches changed is put into the workspace around them; what two of them made different things of
     fails the block. The cells of a strategy on a stage are not brought together: they may hold three repositories.
     A node that waits for others beside it begins with what they have made; at the end it then speaks for them as well.
  3. Forking and merging are actions of the person who started the execution, on the one path through the gate.
  4. A branch is told to stop by a record; it ends at its next leg, and a wait is woken for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json
from bridle.core.notes import add_remark
from bridle.core.states import State
from bridle.engine.aside import act_aside, plain_action
from bridle.engine.blocks import judge_block
from bridle.engine.desk import Desk
from bridle.engine.execution import Execution
from bridle.engine.position import Position
from bridle.engine.result import FORGIVEN
from bridle.engine.work import Answer
from bridle.gate.reruns import describe_restore
from bridle.pipeline.tree import Block, Step, walk
from bridle.trust.journal import Kind, Record

NEEDS_WORKSPACE = frozenset({"run", "background", "clone", "agent", "tool"})


def workspace_of(execution: Execution, position: Position) -> str:
    """Return the name of the workspace that a node works in: that of the innermost branch it stands in.

    What undoes a stage works where the stage did, all of it: an execution can't fork the workspace of another.
    """
    branches, undone = position.branches(), _undone_workspace(execution, position)
    if undone or not branches:
        return undone or execution.id
    return f"{execution.id}.{hashlib.sha256(branches[0].encode()).hexdigest()[:16]}"


def _undone_workspace(execution: Execution, position: Position) -> str:
    stages, stage = execution.options.get("stages"), position.stage()
    undone = stages.get(stage.node.id) if isinstance(stages, Mapping) and stage is not None else None
    return str(undone["workspace"]) if isinstance(undone, Mapping) else ""


async def fork(desk: Desk, children: Sequence[Position]) -> Answer:
    """See `work.Worker.fork`."""
    for child in _forked(desk, children):
        around = child.parent if child.cell is None else child.in_cell(-1)
        source = workspace_of(desk.execution, around)
        target = workspace_of(desk.execution, child)
        note = await _act(desk, f"{child.name}/fork", "workspace.fork", {"source": source}, workspace=target)
        if note:
            return await _fail(desk, f"{child.name}/fork", note)
    return {"state": str(State.RUNNING)}


async def hand_over(desk: Desk, child: Position, needed: Sequence[Position]) -> Answer:
    """See `work.Worker.hand_over`."""
    givers = await _leave_out_handed_over(desk, _forked(desk, needed))
    tree = await _tree_of_fork(desk, child)
    if not givers or not _forked(desk, [child]) or not tree:
        return {"state": str(State.RUNNING)}
    branches: list[Json] = [{"name": workspace_of(desk.execution, giver), "tree": None} for giver in givers]
    path, target = f"{child.name}/hand-over", workspace_of(desk.execution, child)
    note = await _act(desk, path, "workspace.merge", {"base": tree, "branches": branches}, workspace=target)
    if not note:
        return {"state": str(State.RUNNING)}
    judged = judge_block(desk, child, error="unknown", retries=False)
    return {**await _fail(desk, path, note), **judged}


async def _tree_of_fork(desk: Desk, child: Position) -> str:
    """Return the tree that a branch's workspace was made from; empty when it was never made."""
    made = await _outcome(desk, f"{child.name}/fork", "workspace.fork")
    value = made.body["value"] if made else None
    return str(value["tree"]) if isinstance(value, Mapping) else ""


async def _outcome(desk: Desk, path: str, tool: str) -> Record | None:
    key = plain_action(desk, path, tool, {}, workspace="").key
    return await desk.bench.journal.last(desk.execution.id, key, (Kind.OUTCOME,))


async def _leave_out_handed_over(desk: Desk, forked: Sequence[Position]) -> list[Position]:
    """Return the branches whose work no other of these holds already."""
    held: set[str] = set()
    for child in forked:
        needs = child.node.needs if child.cell is None else ()
        given = await _outcome(desk, f"{child.name}/hand-over", "workspace.merge") if needs else None
        held |= {*needs} if given is not None and given.body["status"] == "succeeded" else set()
    return [child for child in forked if child.cell is not None or child.node.id not in held]


async def join(desk: Desk, position: Position, children: Sequence[Position]) -> Answer:
    """See `work.Worker.join`."""
    forked = _forked(desk, children)
    if not forked or _holds_apart(position, children):
        return {"state": str(State.SUCCEEDED)}
    base = await _tree_of_fork(desk, forked[0])
    if not base:
        note = "the branches' workspaces were never made"
        return await _fail_block(desk, position, "join", note)
    speaking = await _leave_out_handed_over(desk, forked)
    branches: list[Json] = [{"name": workspace_of(desk.execution, child), "tree": None} for child in speaking]
    around = forked[0].parent if forked[0].cell is None else forked[0].in_cell(-1)
    parent = workspace_of(desk.execution, around)
    arguments: dict[str, Json] = {"base": base, "branches": branches}
    note = await _act(desk, f"{position.name}/join", "workspace.merge", arguments, workspace=parent)
    if note:
        return await _fail_block(desk, position, "join", note)
    names: list[Json] = [workspace_of(desk.execution, child) for child in forked]
    note = await _act(
        desk, f"{position.name}/drop", "workspace.drop", {"workspaces": names}, workspace=parent
    )
    return await _fail_block(desk, position, "drop", note) if note else {"state": str(State.SUCCEEDED)}


async def restore(desk: Desk, position: Position) -> Answer | None:
    """Before the stage that a rerun begins with, make the workspace what it was then; return the failure, or None."""
    options = desk.execution.options
    if options.get("from") != position.path or not options.get("tree"):
        return None
    path, stood = f"{position.path}/restore", await describe_restore(desk.bench.journal, desk.execution.id)
    arguments = stood or {"tree": options["tree"]}
    note = await _act(desk, path, "workspace.restore", arguments, workspace=desk.execution.id)
    return await _fail(desk, path, note) if note else None


async def stop(desk: Desk, branches: Sequence[Position]) -> Answer:
    """See `work.Worker.stop`."""
    for branch in branches:
        known = await desk.bench.journal.last(desk.execution.id, branch.name, (Kind.BRANCH_STOPPED,))
        if known is None:
            await desk.append(
                [desk.entry(Kind.BRANCH_STOPPED, branch.name, {"why": "another branch failed"})], []
            )
        await desk.wake(desk.execution.id, branch.name)
    return {"state": str(State.SUCCEEDED)}


def _forked(desk: Desk, children: Sequence[Position]) -> list[Position]:
    if any(_undone_workspace(desk.execution, child) for child in children):
        return []
    return [child for child in children if _works_in_workspace(child)]


def _works_in_workspace(position: Position) -> bool:
    node = position.node
    if isinstance(node, Step):
        return node.kind in NEEDS_WORKSPACE
    return any(isinstance(item, Step) and item.kind in NEEDS_WORKSPACE for _, item in walk(node.nodes))


def _holds_apart(position: Position, children: Sequence[Position]) -> bool:
    """True for the cells of a stage, or of a group of stages."""
    node = position.node
    is_stage = isinstance(node, Block) and (node.kind == "stage" or node.of == "stages")
    return is_stage and any(child.cell is not None for child in children)


async def _act(desk: Desk, path: str, tool: str, arguments: Mapping[str, Json], *, workspace: str) -> str:
    """Perform one action; return what went wrong, or an empty string."""
    done = await act_aside(desk, path, tool, arguments, workspace=workspace)
    return done if isinstance(done, str) else ""


async def _fail_block(desk: Desk, position: Position, end: str, note: str) -> Answer:
    """A block whose branches cannot be brought together has failed itself; its failure strategy says what becomes of it."""
    judged = judge_block(desk, position, error="unknown")
    if judged["reaction"] in FORGIVEN:
        note = add_remark(note, "failure ignored")
    return {**await _fail(desk, f"{position.name}/{end}", note), **judged}


async def _fail(desk: Desk, path: str, note: str) -> Answer:
    body: dict[str, Json] = {"state": str(State.FAILED), "note": note, "ignored": False, "output": None}
    known = await desk.bench.journal.last(desk.execution.id, path, (Kind.STEP_ENDED,))
    if known is None:
        await desk.append([desk.entry(Kind.STEP_ENDED, path, body)], [])
    return {"state": str(State.FAILED), "note": note}
