"""What workflows are called: the root of an execution by its id, a branch by that and its path."""

from __future__ import annotations

from collections.abc import Sequence


def branch_id(execution: str, path: str) -> str:
    """Return the workflow id of a branch: the root's is the execution's id itself."""
    return f"{execution}/{path}"


def root_of(workflow_id: str) -> str:
    """Return the execution that a workflow belongs to."""
    return workflow_id.partition("/")[0]


def find_carriers(execution: str, path: str, live: Sequence[str]) -> list[str]:
    """Return the live workflows that may carry a path: the one of the longest branch that the path stands in, and those below
    it in whose scope the path stands.

    What a branch carries need not stand below its name: the cells of a loop and later attempts are called otherwise, and a block
    without an id of its own is no part of any path. A workflow that is woken for nothing looks again and waits on.
    """
    sought = f"{branch_id(execution, path)}/"
    nearest = max(
        (workflow for workflow in live if sought.startswith(f"{workflow}/")), key=len, default=execution
    )
    beside = [
        workflow
        for workflow in live
        if len(scope := workflow.rpartition("/")[0]) >= len(nearest) and sought.startswith(f"{scope}/")
    ]
    return [workflow for workflow in live if workflow == nearest or workflow in beside]
