"""One script in the sandbox: prepared, run, and its reports and outputs collected.

Rules
  1. What it may write comes from the boundary (delegate.mounts); its time can be narrowed, never widened.
  2. Old report files are removed first, so that a report is always of this run. A glob that covers a file the
     boundary does not let this step write is refused: it could be used to delete it.
  3. A script that is told to stop is killed with all it started. What it printed is lost, and no report of it is read.
  4. Hash order is fixed and no bytecode is written, so that the same tree gives the same output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridle.core.boundary import SCRATCH, Boundary, clean_path, matches_any
from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError
from bridle.delegate.effectors import EffectorContext
from bridle.delegate.mounts import find_mounts, static_prefix
from bridle.delegate.outputs import EXPORTED, Outputs, OutputTooLarge, collect_outputs, prepare_outputs
from bridle.delegate.paths import open_parent, opened_folder, read_file
from bridle.delegate.placing import remove
from bridle.delegate.reach import execution_for
from bridle.delegate.report import MAX_FILE_BYTES, read_reports
from bridle.delegate.sandbox.policy import Network, SandboxPolicy, SandboxResult
from bridle.delegate.tree import Kind, walk
from bridle.dispatch.protocol import Task

SHELLS: Mapping[str, tuple[str, ...]] = {
    "sh": ("sh", "-e", "-c"),
    "bash": ("bash", "-e", "-o", "pipefail", "-c"),
    "python": ("python3", "-c"),
}
CANCELLED = SandboxResult("cancelled", -1, b"", b"", truncated=True, duration_ms=0)
_STEADY = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Script:
    """What to run. `reports` are globs of JUnit files; `timeout_s` 0 is the boundary's; `masked` are secret outputs."""

    text: str
    shell: str = "sh"
    reports: tuple[str, ...] = ()
    timeout_s: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    masked: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScriptRun:
    """How it went. `report` is None when none was asked for or none was written."""

    result: SandboxResult
    report: dict[str, Json] | None
    outputs: Outputs

    @property
    def succeeded(self) -> bool:
        return self.result.why == "exit" and self.result.exit_code == 0


def stage_of(task: Task, boundary: Boundary) -> str:
    """Return whose services a task may reach: a stage's, of the execution that it is done for."""
    return f"{execution_for(task)}/{boundary.services}"


async def run_script(
    context: EffectorContext,
    folder: Path,
    *,
    boundary: Boundary,
    script: Script,
    network: Network | None = None,
) -> ScriptRun:
    """Run a script in `folder`, in `network` where there is one; raise ExecutionError for what cannot be read of it."""
    policy = await asyncio.to_thread(prepare_script, context, folder, boundary, script)
    work = context.sandbox.run(policy, [*SHELLS[script.shell], script.text], network=network)
    result = await context.stop.unless_told(work) or CANCELLED
    return await asyncio.to_thread(_collect, context, folder, script, result)


def prepare_script(
    context: EffectorContext, folder: Path, boundary: Boundary, script: Script
) -> SandboxPolicy:
    """Make a folder ready for a script, and return what the sandbox has to enforce."""
    if script.shell not in SHELLS:
        raise InputError(f"there is no shell {script.shell!r}", hint="use " + ", ".join(SHELLS))
    with opened_folder(folder) as fd:
        prepare_outputs(fd)
        _remove_old_reports(context, fd, boundary, script.reports)
        mounts = find_mounts(fd, boundary, limits=context.workspaces.limits)
    wall_s = min(boundary.limits.wall_s, script.timeout_s or boundary.limits.wall_s)
    return SandboxPolicy(
        workspace=folder,
        writable=mounts.writable,
        read_only=mounts.read_only,
        toolchain=context.toolchain,
        env={**_STEADY, **script.env, **EXPORTED},
        limits=replace(boundary.limits, wall_s=wall_s),
    )


def _collect(context: EffectorContext, folder: Path, script: Script, result: SandboxResult) -> ScriptRun:
    with opened_folder(folder) as fd:
        try:
            outputs = collect_outputs(fd, context.redactor, masked=script.masked)
        except OutputTooLarge as exc:
            exc.printed = result
            raise
        if result is CANCELLED:
            return ScriptRun(result, None, outputs)
        paths = _report_paths(context, fd, script.reports)
        files = {path: read_file(fd, path, limit_bytes=MAX_FILE_BYTES)[0] for path in paths}
    return ScriptRun(result, read_reports(files) if files else None, outputs)


def _report_paths(context: EffectorContext, fd: int, patterns: tuple[str, ...]) -> list[str]:
    """Return the paths that any of the patterns covers, each once."""
    return list(dict.fromkeys(path for pattern in patterns for path in _paths_of(context, fd, pattern)))


def _paths_of(context: EffectorContext, fd: int, pattern: str) -> list[str]:
    below, glob = static_prefix(clean_path(pattern)), (clean_path(pattern),)
    try:
        found = walk(fd, below=below, limits=context.workspaces.limits, excluded_too=True)
    except ExecutionError as exc:
        if exc.reason in {"not-found", "not-a-folder"}:
            return _single_report(fd, below)
        raise
    return [item.path for item in found if item.kind is Kind.FILE and matches_any(item.path, glob)]


def _single_report(fd: int, path: str) -> list[str]:
    """A pattern without a wildcard may be a file's path."""
    try:
        read_file(fd, path, limit_bytes=MAX_FILE_BYTES)
    except ExecutionError as exc:
        if exc.reason in {"not-found", "not-a-folder"}:
            return []
        raise
    return [path]


def _remove_old_reports(
    context: EffectorContext, fd: int, boundary: Boundary, patterns: tuple[str, ...]
) -> None:
    paths = _report_paths(context, fd, patterns)
    for path in paths:
        if not path.startswith(SCRATCH + "/") and not boundary.may_write(path):
            raise InputError(
                f"`report` covers {path}, which may not be written in this step",
                hint=f"write reports below {SCRATCH}/",
                reason="report-glob",
            )
    for path in paths:
        with open_parent(fd, path) as (parent, name):
            remove(parent, name)
