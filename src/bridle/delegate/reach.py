"""Which workspaces a task reaches besides its own. An execution reaches those of another in one case: it is a rerun of that.

Rules
  1. A workspace belongs to the execution that its name is, or begins with before a dot: `exe_1` is an execution's own
     workspace, `exe_1.a1b2` a fork of it.
  2. A task that names other workspaces names only those of the execution in its key, and works in one of them itself.
  3. An execution's own workspace is nobody's fork: nothing is copied over it, and it is not dropped.
  4. What a rerun begins with may come from the own workspace of the execution that is run again. Which one that is, the permit
     says beside the arguments; the control plane found it in its records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridle.core.errors import InputError, TrustError
from bridle.delegate.effectors.arguments import branches_of, names_of, text_of
from bridle.dispatch.protocol import Task

OTHERS: Mapping[str, Callable[[Task], tuple[str, ...]]] = {
    "command.start": lambda task: (text_of(task, "source"),),
    "command.stop": lambda task: (),
    "workspace.fork": lambda task: (text_of(task, "source"),),
    "workspace.merge": lambda task: tuple(branch.name for branch in branches_of(task)),
    "workspace.drop": lambda task: names_of(task, "workspaces"),
}

RESTORE = "workspace.restore"
MAKE_FORKS = frozenset({"workspace.fork", "command.start", "command.stop"})  # their own workspace is the fork


def execution_of(workspace: str) -> str:
    """Return the execution that a workspace belongs to."""
    return workspace.partition(".")[0]


def execution_for(task: Task) -> str:
    """Return the execution that a task is done for: what its key begins with."""
    return task.request.key.partition("/")[0]


def reached_by(task: Task) -> tuple[str, ...]:
    """Return every workspace that the task reads or changes; raise TrustError when one is another execution's."""
    if task.request.tool == RESTORE and "source" in task.request.arguments:
        return task.workspace, _taken_over_by(task)
    if task.request.tool not in OTHERS:
        return (task.workspace,) if task.workspace else ()
    others = OTHERS[task.request.tool](task)
    execution = execution_for(task)
    for name in (task.workspace, *others):
        if execution_of(name) != execution:
            raise TrustError(
                f"the workspace {name!r} does not belong to the execution {execution}",
                hint="an execution works in its own workspace and in forks of it",
                reason="workspace-of-another-execution",
            )
    _check_forks(task, others, execution=execution)
    return (task.workspace, *others)


def _taken_over_by(task: Task) -> str:
    source = text_of(task, "source")
    own = task.workspace == execution_for(task) and source == execution_of(source)
    if not own or source == task.workspace or task.permit.expect.get("takes_over") != source:
        raise TrustError(
            f"the permit does not say that {task.workspace!r} is made what {source!r} was",
            hint="a rerun takes over from the execution that it runs again",
            reason="workspace-of-another-execution",
        )
    return source


def _check_forks(task: Task, others: tuple[str, ...], *, execution: str) -> None:
    forks = (task.workspace,) if task.request.tool in MAKE_FORKS else others
    if execution in forks or task.workspace in others or len(set(others)) < len(others):
        raise InputError(
            f"{task.request.tool}: forks are named `{execution}.…`, each once, and none is the workspace it came from",
            reason="bad-arguments",
        )
