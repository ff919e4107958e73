"""The tools of background services: a script that is started and not waited for, and its end.

A service works in a copy of the workspace as it stands when it begins, and what it writes there goes with it: it neither changes
what the steps beside it make, nor sees what they make later. It reaches the commands of its own stage and nothing else, and
is reached by those whose boundary says so.
"""

from __future__ import annotations

import asyncio

from bridle.core.canonical import Json
from bridle.core.errors import BridleError, ExecutionError, InputError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import boundary_of, number_of, text_of
from bridle.delegate.effectors.command import fill_environment
from bridle.delegate.output import last_of
from bridle.delegate.reach import execution_for
from bridle.delegate.sandbox.policy import SandboxResult, SandboxUnavailable
from bridle.delegate.script import SHELLS, Script, prepare_script, stage_of
from bridle.dispatch.protocol import Task


async def start(task: Task, context: EffectorContext) -> EffectorResult:
    """Begin a service in a copy of `source`: `{"service", "tree"}`. One that runs already goes on as it is."""
    boundary, spaces, services = boundary_of(task), context.workspaces, context.services
    if not boundary.services:
        raise InputError("a service belongs to a stage, and its boundary names none", reason="bad-arguments")
    script = Script(
        text=text_of(task, "script"),
        shell=text_of(task, "shell", "sh"),
        timeout_s=number_of(task, "timeout_s", 0, least=0),
        env=fill_environment(task, context),
    )
    name = task.request.key.partition("#")[0]
    source, tree = text_of(task, "source"), ""
    if not services.is_running(name):
        tree = await asyncio.to_thread(spaces.snapshot, source)
        await asyncio.to_thread(spaces.restore, task.workspace, tree)
        folder = spaces.folder(task.workspace)
        policy = await asyncio.to_thread(prepare_script, context, folder, boundary, script)
        try:
            await services.start(
                name,
                stage=stage_of(task, boundary),
                workspace=task.workspace,
                policy=policy,
                argv=[*SHELLS[script.shell], script.text],
            )
        except SandboxUnavailable as error:  # nothing was begun, and waiting changes nothing
            raise ExecutionError(error.what, hint=error.hint, reason=error.reason) from error
    return EffectorResult("succeeded", {"service": name, "tree": tree})


async def stop(task: Task, context: EffectorContext) -> EffectorResult:
    """End a service and say how it went: `{"why", "exit_code", "stdout", "stderr", "truncated"}`.

    `why` is `stopped` for one that ran until now, `gone` for one that is not known here: whatever ran it has ended, and what it
    printed is lost. Its copy of the workspace is removed.
    """
    name = f"{execution_for(task)}/{text_of(task, 'service')}"
    try:
        result = await context.services.stop(name)
        value = _describe(result) if result is not None else {"why": "gone"}
    except BridleError as error:  # it never began
        value = {"why": "setup", "error": str(error)}
    await asyncio.to_thread(context.workspaces.drop, task.workspace)
    return EffectorResult("succeeded", value)


def _describe(result: SandboxResult) -> dict[str, Json]:
    stdout, stdout_cut = last_of(result.stdout)
    stderr, stderr_cut = last_of(result.stderr)
    return {
        "why": result.why,
        "exit_code": result.exit_code,
        "stdout": stdout,
        "stderr": stderr,
        "truncated": result.truncated or stdout_cut or stderr_cut,
    }
