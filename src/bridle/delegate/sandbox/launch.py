"""Starts one command in a sandbox.

Rules:
- The command does not start before its processes are in their control group: bubblewrap waits at a gate, a pipe that we
  write to. It holds both ends of that pipe itself, so that our sudden death leaves it waiting, not running unwatched.
- The end of bubblewrap's report before it named the first process is a failed set-up; nothing was started.
- No Python runs in the child: root is dropped by the C code of `subprocess`, limits are set by `prlimit`.
- The launcher's environment is empty: the namespace's first process shows it to the command.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridle.delegate.sandbox.arguments import check_command, compile_arguments
from bridle.delegate.sandbox.cgroup import make_leaf
from bridle.delegate.sandbox.descriptors import Descriptors, make_content, open_workspace
from bridle.delegate.sandbox.diagnosis import explain_failure
from bridle.delegate.sandbox.machine import MIB, Machine, compile_rlimits, require_reachable
from bridle.delegate.sandbox.mounts import make_scratch
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxUnavailable
from bridle.delegate.sandbox.running import Running

OWN_PROCESSES = 2  # bubblewrap outside and inside count towards the group's limit
ERROR_BYTES = 1 << 12


@dataclass(frozen=True)
class _Pipes:
    """Reading and writing ends; `held_gate` is the gate as the child has it, open both ways."""

    stdout: tuple[int, int]
    stderr: tuple[int, int]
    report: tuple[int, int]
    gate: tuple[int, int]
    held_gate: int


async def launch(
    machine: Machine,
    policy: SandboxPolicy,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Return a sandbox whose command was let go; raise SandboxUnavailable when it could not be.

    `environment` is the launcher's own, which must not reach the command; the probe plants a canary in it.
    """
    opened = Descriptors()
    try:
        pipes = _open_pipes(opened)
        line = _compile_line(machine, policy, check_command(argv), pipes=pipes, opened=opened)
        source = opened.keep(make_content("stdin", stdin)) if stdin else subprocess.DEVNULL
        process = _spawn(machine, line, pipes, source=source, environment=environment, opened=opened)
        ours = [opened.hand_over(end) for end in _list_our_ends(pipes)]
    finally:
        opened.close()
    running = Running(process, stdout=ours[0], stderr=ours[1], report=ours[2], gate=ours[3])
    try:
        await _let_go(machine, policy, running)
    except BaseException:
        await abandon(running)
        raise
    return running


async def finish(running: Running) -> None:
    """End a sandbox; a cancellation meanwhile is passed on only when it is gone."""
    task = asyncio.ensure_future(running.end())
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as exc:
            cancelled = exc
    task.result()
    if cancelled is not None:
        raise cancelled


async def abandon(running: Running) -> None:
    """End a sandbox whose output nobody reads."""
    os.close(running.stdout)
    os.close(running.stderr)
    await finish(running)


def _open_pipes(opened: Descriptors) -> _Pipes:
    out, err, report, gate = (opened.open_pipe() for _ in range(4))
    held = opened.give(os.open(f"/proc/self/fd/{gate[0]}", os.O_RDWR | os.O_CLOEXEC))
    opened.inherited.append(report[1])
    return _Pipes(out, err, report, gate, held)


def _list_our_ends(pipes: _Pipes) -> tuple[int, int, int, int]:
    return pipes.stdout[0], pipes.stderr[0], pipes.report[0], pipes.gate[1]


def _compile_line(
    machine: Machine, policy: SandboxPolicy, command: list[str], *, pipes: _Pipes, opened: Descriptors
) -> list[str]:
    workspace = opened.keep(open_workspace(policy.workspace))
    for folder in filter(None, (policy.workspace, policy.toolchain)):
        require_reachable(folder.resolve(), uid=machine.drops_to)
    make_scratch(workspace, owner=machine.drops_to)
    arguments = [
        *compile_arguments(policy, workspace, filters=machine.filters, opened=opened),
        *("--json-status-fd", str(pipes.report[1]), "--block-fd", str(pipes.held_gate)),
    ]
    packed = opened.give_content("arguments", b"\0".join(map(os.fsencode, arguments)))
    start = [
        machine.prlimit,
        *compile_rlimits(policy.limits),
        "--",
        machine.bwrap,
        "--args",
        str(packed),
        "--",
    ]
    return [*start, *_limit_processes(machine, policy), *command]


def _limit_processes(machine: Machine, policy: SandboxPolicy) -> list[str]:
    """Without a hard limit, count inside the namespace: outside, the user's other processes would count too."""
    if machine.has_hard("pids"):
        return []
    count = policy.limits.pids + OWN_PROCESSES
    return [machine.prlimit, f"--nproc={count}:{count}", "--"]


def _spawn(
    machine: Machine,
    line: list[str],
    pipes: _Pipes,
    *,
    source: int,
    environment: Mapping[str, str] | None,
    opened: Descriptors,
) -> subprocess.Popen[bytes]:
    drops = machine.drops_to
    try:
        return subprocess.Popen(
            line,
            stdin=source,
            stdout=pipes.stdout[1],
            stderr=pipes.stderr[1],
            pass_fds=opened.inherited,
            env=dict(environment or {}),
            cwd="/",
            umask=0o022,
            user=drops,
            group=drops,
            extra_groups=None if drops is None else [],
        )
    except OSError as exc:
        raise SandboxUnavailable(
            f"the sandbox could not be started: {exc}", where=machine.bwrap, hint="look at `bridle doctor`"
        ) from exc


async def _let_go(machine: Machine, policy: SandboxPolicy, running: Running) -> None:
    first = await running.learn_first_pid()
    if first is None:
        raise explain_failure(_read_error(running.stderr))
    if machine.seats:
        _place(machine, policy, running, pids=(running.process.pid, first))
    running.release()


def _place(machine: Machine, policy: SandboxPolicy, running: Running, *, pids: tuple[int, ...]) -> None:
    try:
        running.leaf = make_leaf(
            machine.seats,
            memory_bytes=policy.limits.memory_mib * MIB,
            pids=policy.limits.pids + OWN_PROCESSES,
        )
        for pid in pids:
            running.leaf.enter(pid)
    except OSError as exc:
        raise SandboxUnavailable(
            f"the control group could not be set up: {exc}",
            where=str(machine.seats[0].folder),
            hint="look at `bridle doctor`; a limit that was hard at the start must not become soft unseen",
            reason="cgroup-unavailable",
        ) from exc


def _read_error(descriptor: int) -> str:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, ERROR_BYTES).decode(errors="replace").strip()
    except BlockingIOError:  # it says nothing, and something still holds the pipe
        return ""
