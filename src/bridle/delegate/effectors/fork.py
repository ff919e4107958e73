"""Forks: workspaces for branches that run beside each other, and what they made put together again.

Rules
  1. A fork is the source's tree as it stands, and its git side: commit, verify and push work in it. What a tree leaves
     out (`.bridle/`, compiled Python, empty `.git`) does not come along.
  2. Forking again gives the same: whoever forks waits with its work in the source. So its class is `workspace`.
  3. A merge goes into the workspace that the forks came from, or into another fork of the same tree that nobody has worked in:
     so a branch is given what those made that it waited for. It looks at everything first. On a conflict nothing is applied
     and it has failed, with every path and branch and the workspaces that disagree.
  4. A merge changes the parent alone, step by step: tree, branches, clone. Its class is `workspace`: after a crash the
     parent's tree is put back and it is done again from the forks. Therefore it keeps them. Dropping is an action of
     its own, for when the merge's outcome is known; dropping what is gone changes nothing, so its class is `keyed`.
"""

from __future__ import annotations

import asyncio

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import branches_of, names_of, pairs_of, text_of
from bridle.delegate.fork import Fork, compare_mirrors, find_fork, make_fork, read_fork, take_back, take_over
from bridle.delegate.merging import Conflict, merge_trees
from bridle.delegate.mirror import Mirror
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Task

MAX_CONFLICTS = 100  # a person reads them


async def fork(task: Task, context: EffectorContext) -> EffectorResult:
    """Make the task's workspace a copy of `source`: `{"tree", "source"}`."""
    return await asyncio.to_thread(_fork, task, context.workspaces)


def _fork(task: Task, spaces: Workspaces) -> EffectorResult:
    source = text_of(task, "source")
    tree = spaces.snapshot(source)
    spaces.restore(task.workspace, tree)
    make_fork(spaces.mirror(source), spaces.mirror(task.workspace), source=source, tree=tree)
    return EffectorResult("succeeded", {"tree": tree, "source": source}, {"tree": tree})


async def merge(task: Task, context: EffectorContext) -> EffectorResult:
    """Put what forks changed into the workspace they came from: `{"tree", "changed", "branches", "cloned"}`.

    `changed` counts paths, `branches` are commits by git branch, `cloned` says that a fork's clone came along. On a
    conflict: `{"error", "reason": "workspace-conflict", "next", "conflicts": [{"kind", "name", "workspaces"}]}`.
    """
    return await asyncio.to_thread(_merge, task, context.workspaces)


def _merge(task: Task, spaces: Workspaces) -> EffectorResult:
    base, branches = text_of(task, "base"), branches_of(task)
    names = [branch.name for branch in branches]
    forks = {name: _fork_of(task, spaces, name, base=base) for name in names}
    if spaces.snapshot(task.workspace) != base:
        raise ExecutionError(
            f"the workspace {task.workspace} is no longer at {base}",
            hint="nothing may work in a workspace while forks of it run",
            reason="workspace-moved",
        )
    trees = {branch.name: branch.tree or spaces.snapshot(branch.name) for branch in branches}
    store = spaces.snapshots
    merged = merge_trees(store.load(base), {name: store.load(tree) for name, tree in trees.items()})
    mirrors = {name: Mirror(spaces.mirror(name)) for name in (task.workspace, *names)}
    returned = compare_mirrors(task.workspace, mirrors, forks)
    if conflicts := (*merged.conflicts, *returned.conflicts):
        return _refused(conflicts)
    tree = store.put(merged.manifest)
    _apply(spaces, task.workspace, tree, base=base)
    take_back(mirrors[task.workspace], mirrors, returned)
    value: dict[str, Json] = {
        "tree": tree,
        "changed": merged.changed,
        "branches": dict(returned.heads),
        "cloned": returned.clone is not None,
    }
    return EffectorResult("succeeded", value, {"tree": tree})


def _fork_of(task: Task, spaces: Workspaces, name: str, *, base: str) -> Fork:
    fork = read_fork(spaces.mirror(name), name=name)
    beside = find_fork(spaces.mirror(task.workspace), name=task.workspace)
    is_sibling = (
        beside is not None and name != task.workspace and (beside.source, beside.tree) == (fork.source, base)
    )
    if fork.source != task.workspace and not is_sibling:
        raise ExecutionError(f"{name} is a fork of {fork.source}", reason="not-a-fork")
    if fork.tree != base:
        raise ExecutionError(f"{name} was made from the tree {fork.tree}", reason="base-differs")
    return fork


def _apply(spaces: Workspaces, workspace: str, tree: str, *, base: str) -> None:
    """Make the workspace the merged tree; what the forks are together can be too large for one workspace."""
    try:
        spaces.restore(workspace, tree)
        if spaces.snapshot(workspace) != tree:
            raise ExecutionError("the workspace is not what was merged", reason="merge-differs")
    except BaseException:
        spaces.restore(workspace, base)
        raise


def _refused(conflicts: tuple[Conflict, ...]) -> EffectorResult:
    named = [f"{item.name} ({', '.join(item.workspaces)})" for item in conflicts[:5]]
    more = f" and {len(conflicts) - 5} more" if len(conflicts) > 5 else ""
    value: dict[str, Json] = {
        "error": f"branches made different things of {'; '.join(named)}{more}; nothing was merged",
        "reason": "workspace-conflict",
        "next": "let only one of them change it, or run them one after the other",
        "conflicts": [item.to_json() for item in conflicts[:MAX_CONFLICTS]],
    }
    return EffectorResult("failed", value)


async def restore(task: Task, context: EffectorContext) -> EffectorResult:
    """Make the task's workspace a stored tree, with what was cloned and committed in `source` if one is named.

    `{"tree"}`, or `{"tree", "cloned", "branches"}`: the latter are the commits that the source still had, by branch. `cloned` is
    false, and no commit comes along, when the source was cloned into once more later on.
    """
    return await asyncio.to_thread(_restore, task, context.workspaces)


def _restore(task: Task, spaces: Workspaces) -> EffectorResult:
    tree = text_of(task, "tree")
    spaces.restore(task.workspace, tree)
    value: dict[str, Json] = {"tree": tree}
    if "source" in task.request.arguments:
        clone, branches = pairs_of(task, "clone"), pairs_of(task, "branches")
        mirrors = [Mirror(spaces.mirror(name)) for name in (task.workspace, text_of(task, "source"))]
        taken = take_over(*mirrors, commit=clone["commit"], tree=clone["tree"], branches=branches)
        value |= {"cloned": taken is not None, "branches": dict(taken or {})}
    return EffectorResult("succeeded", value, {"tree": tree})


async def drop(task: Task, context: EffectorContext) -> EffectorResult:
    """Remove forks: `{"dropped"}`, their names, sorted, whether or not they were still there."""
    names = sorted(names_of(task, "workspaces"))
    for name in names:
        await asyncio.to_thread(context.workspaces.drop, name)
    return EffectorResult("succeeded", {"dropped": list(names)})
