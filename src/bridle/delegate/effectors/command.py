"""The command tool: a script in the sandbox, in the workspace.

A command that leaves the workspace in a state that cannot be read (a hard link, a flood of files, a file of
many gigabytes) is undone: the tree before it is put back, and the command has failed. So it is when the disk is
full: whoever reads that error takes it that nothing was done.

Secret outputs are returned as placeholders. One in `env`, or that of a named secret, is filled here, for people and services
alone; see delegate.secret_outputs and delegate.vault. Nothing runs when one of them has no value.
"""

from __future__ import annotations

import asyncio

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError, TrustError, UnavailableError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import boundary_of, names_of, number_of, pairs_of, text_of
from bridle.delegate.output import last_of
from bridle.delegate.outputs import OutputTooLarge
from bridle.delegate.reach import execution_for
from bridle.delegate.sandbox.policy import Network, SandboxResult
from bridle.delegate.script import Script, ScriptRun, run_script, stage_of
from bridle.delegate.secret_outputs import has_placeholder
from bridle.delegate.vault import has_named
from bridle.dispatch.protocol import Task
from bridle.trust.secrets import NAMED


async def run(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"exit_code", "why", "truncated", "report", "outputs"}`, and `stdout` and `stderr` without a report.

    A command with an output that is too large has failed; its value is `{"error", "reason", "truncated", "stdout", "stderr"}`.
    With secret outputs also `"secret_outputs": [{"name", "placeholder"}]`, sorted by name.

    The status is `succeeded` only for exit code 0. Facts: `tree` after it, and what the `sandbox` enforced.
    """
    script = Script(
        text=text_of(task, "script"),
        shell=text_of(task, "shell", "sh"),
        reports=tuple(text_of(task, "report", "").splitlines()),  # one glob a line
        timeout_s=number_of(task, "timeout_s", 0, least=0),
        env=fill_environment(task, context),
        masked=names_of(task, "mask") if "mask" in task.request.arguments else (),
    )
    spaces, boundary = context.workspaces, boundary_of(task)
    network = _network(task, boundary, context)
    before = await asyncio.to_thread(spaces.snapshot, task.workspace)
    try:
        outcome = await run_script(
            context, spaces.folder(task.workspace), boundary=boundary, script=script, network=network
        )
        tree = await asyncio.to_thread(spaces.snapshot, task.workspace)
        kept = await asyncio.to_thread(
            context.secret_outputs.keep, execution_for(task), task.request.key, outcome.outputs.secret
        )
    except (InputError, ExecutionError, UnavailableError) as exc:
        await asyncio.to_thread(spaces.restore, task.workspace, before)
        if isinstance(exc, OutputTooLarge) and exc.printed is not None:
            error: dict[str, Json] = {"error": exc.what, "reason": exc.reason}
            return EffectorResult("failed", {**error, **_printed(exc.printed)})
        raise
    facts: dict[str, Json] = {"tree": tree, "sandbox": (await context.sandbox.probe()).to_json()}
    value = _value(outcome)
    if unread := outcome.outputs.unread.lines:
        value["unread_outputs"] = {"lines": unread, "names": list(outcome.outputs.unread.names)}
    if kept:
        value["secret_outputs"] = [
            {"name": name, "placeholder": placeholder} for name, placeholder in sorted(kept.items())
        ]
    return EffectorResult("succeeded" if outcome.succeeded else "failed", value, facts)


def _network(task: Task, boundary: Boundary, context: EffectorContext) -> Network | None:
    """Return the network of the stage whose services the command reaches; an agent's reaches none: they may hold secrets."""
    if not boundary.services:
        return None
    if is_agent(task):
        raise TrustError("an agent's command reaches no service", reason="services-for-agents")
    return context.services.network(stage_of(task, boundary))


def is_agent(task: Task) -> bool:
    """True for what an agent wants."""
    return task.request.principal.startswith("agent:")


def fill_environment(task: Task, context: EffectorContext) -> dict[str, str]:
    """Return the variables of a command with the values of secrets; raise for one that this command may not have."""
    given, script = pairs_of(task, "env"), text_of(task, "script")
    for names_one, what in ((has_placeholder, "secret output"), (has_named, "secret")):
        word = what.replace(" ", "-")
        if names_one(script):
            raise InputError(
                f"a {what} is named in the script, where others would see it",
                hint="pass it in `env` and use the variable",
                reason=f"{word}-in-script",
            )
        if is_agent(task) and any(map(names_one, given.values())):
            raise TrustError(f"an agent's command is given no {what}", reason=f"{word}-for-agents")
    return {name: _fill(text, task, context) for name, text in given.items()}


def _fill(text: str, task: Task, context: EffectorContext) -> str:
    """Put values in the place of both kinds of placeholders, piece by piece: a value is never searched for another."""
    pieces, place = [], 0
    for found in NAMED.finditer(text):
        pieces.append(context.secret_outputs.fill(execution_for(task), text[place : found.start()]))
        pieces.append(context.vault.resolve_named(found[1]))
        place = found.end()
    return "".join([*pieces, context.secret_outputs.fill(execution_for(task), text[place:])])


def _value(outcome: ScriptRun) -> dict[str, Json]:
    result = outcome.result
    value: dict[str, Json] = {
        "exit_code": result.exit_code,
        "why": result.why,
        "truncated": result.truncated,
        "report": outcome.report,
        "outputs": dict(outcome.outputs.plain),
    }
    if outcome.report is not None:
        return value
    return {**value, **_printed(result)}


def _printed(result: SandboxResult) -> dict[str, Json]:
    """Return the end of what a command printed, and whether anything is left out of it."""
    stdout, stdout_cut = last_of(result.stdout)
    stderr, stderr_cut = last_of(result.stderr)
    return {
        "truncated": result.truncated or stdout_cut or stderr_cut,
        "stdout": stdout,
        "stderr": stderr,
    }
