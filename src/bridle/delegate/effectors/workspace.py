"""Verification: what a snapshot changed since the clone, and whether the suite is green on exactly that snapshot.

Rules
  1. It works from the store alone: the folder as it stands, and whatever a process left there, plays no part.
  2. The suite runs on a fresh copy in a fresh sandbox, with the mounts that the step's own commands have.
  3. A suite that promised a report and wrote none is not green: `why` is then `no-report`, `exit_code` -1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.delegate.checkout import changed_paths
from bridle.delegate.difference import write_difference
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import boundary_of, text_of
from bridle.delegate.leaks import find_leaks
from bridle.delegate.mirror import Mirror
from bridle.delegate.script import CANCELLED, Script, ScriptRun, run_script
from bridle.delegate.stops import CancelledHere
from bridle.dispatch.protocol import Task

_COUNTS = ("tests", "failures", "errors", "skipped", "failing")


async def verify(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"tree", "changed", "outside", "secrets", "difference", "suite"}`; `suite` is null when the boundary has none.

    `outside` are the changed paths that the boundary's `write` does not cover or its `protect` does. `secrets` are
    `{"path", "line", "format"}` of what must not be committed (delegate.leaks). `suite` is
    `{"exit_code", "why", "tests", "failures", "errors", "skipped", "failing", "report"}`, the last a digest.
    The status says that the verification was made, not that it is good.
    """
    tree, boundary = text_of(task, "tree"), boundary_of(task)
    value = await asyncio.to_thread(_compare, context, task.workspace, tree, boundary)
    suite = await _run_suite(context, tree, boundary) if boundary.suite else None
    facts: dict[str, Json] = {"sandbox": (await context.sandbox.probe()).to_json()} if suite else {}
    return EffectorResult("succeeded", {**value, "suite": suite}, facts)


def _compare(context: EffectorContext, workspace: str, tree: str, boundary: Boundary) -> dict[str, Json]:
    spaces = context.workspaces
    base = spaces.snapshots.load(Mirror(spaces.mirror(workspace)).clone().tree)
    manifest = spaces.snapshots.load(tree)
    changed = changed_paths(base, manifest)
    return {
        "tree": tree,
        "changed": changed,
        "outside": [path for path in changed if not boundary.may_write(path)],
        "secrets": find_leaks(spaces.snapshots, base, manifest, changed, redactor=context.redactor),
        "difference": write_difference(spaces.snapshots, base, manifest, changed),
    }


async def _run_suite(context: EffectorContext, tree: str, boundary: Boundary) -> Mapping[str, Json]:
    assert boundary.suite is not None
    script = Script(text=boundary.suite.script, reports=(boundary.suite.report,))
    async with context.workspaces.throwaway(tree) as folder:
        outcome = await run_script(context, folder, boundary=boundary, script=script)
    if outcome.result is CANCELLED:
        raise CancelledHere("cancelled while the suite ran; nothing is known of it")
    return _suite(outcome)


def _suite(outcome: ScriptRun) -> Mapping[str, Json]:
    report, result = outcome.report, outcome.result
    if report is None:
        why = "no-report" if result.why == "exit" else result.why
        empty: dict[str, Json] = {**dict.fromkeys(_COUNTS, 0), "failing": []}
        return {"exit_code": result.exit_code or -1, "why": why, **empty, "report": None}
    counts = {name: report[name] for name in _COUNTS}
    return {"exit_code": result.exit_code, "why": result.why, **counts, "report": report["digest"]}
