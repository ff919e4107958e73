"""The command tool: a script in the sandbox, in the workspace.

A command that leaves the workspace in a state that cannot be read (a hard link, a flood of files, a file of
many gigabytes) is undone: the tree before it is put back, and the command has failed. So it is when the disk is
full: whoever reads that error takes it that nothing was done.
"""

from __future__ import annotations

import asyncio

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, UnavailableError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import boundary_of, number_of, pairs_of, text_of
from bridle.delegate.output import last_of
from bridle.delegate.script import Script, ScriptRun, run_script
from bridle.dispatch.protocol import Task


async def run(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"exit_code", "why", "truncated", "report", "outputs"}`, and `stdout` and `stderr` without a report.

    The status is `succeeded` only for exit code 0. Facts: `tree` after it, and what the `sandbox` enforced.
    """
    script = Script(
        text=text_of(task, "script"),
        shell=text_of(task, "shell", "sh"),
        report=text_of(task, "report", ""),
        timeout_s=number_of(task, "timeout_s", 0, least=0),
        env=pairs_of(task, "env"),
    )
    spaces = context.workspaces
    before = await asyncio.to_thread(spaces.snapshot, task.workspace)
    try:
        outcome = await run_script(
            context, spaces.folder(task.workspace), boundary=boundary_of(task), script=script
        )
        tree = await asyncio.to_thread(spaces.snapshot, task.workspace)
    except (ExecutionError, UnavailableError):
        await asyncio.to_thread(spaces.restore, task.workspace, before)
        raise
    facts: dict[str, Json] = {"tree": tree, "sandbox": (await context.sandbox.probe()).to_json()}
    return EffectorResult("succeeded" if outcome.succeeded else "failed", _value(outcome), facts)


def _value(outcome: ScriptRun) -> dict[str, Json]:
    result = outcome.result
    value: dict[str, Json] = {
        "exit_code": result.exit_code,
        "why": result.why,
        "truncated": result.truncated,
        "report": outcome.report,
        "outputs": dict(outcome.outputs),
    }
    if outcome.report is not None:
        return value
    stdout, stdout_cut = last_of(result.stdout)
    stderr, stderr_cut = last_of(result.stderr)
    cut = result.truncated or stdout_cut or stderr_cut
    return {**value, "truncated": cut, "stdout": stdout, "stderr": stderr}
