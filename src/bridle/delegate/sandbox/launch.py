"""Starts one command in a sandbox.

Rules:
- The command does not start before its processes are in their control group: bubblewrap waits at a gate, a pipe that we
  write to. Our sudden death opens it, and then the second gate ends everything.
- Bubblewrap inside arms its own death only behind that gate. So the command has a second one: a shell says over its standard
  input, a socket, that it is there, and gives way to the command when we answer. If we are dead by then, it reads the end
  and goes. Killed in its first moments, bubblewrap may leave a process that runs nothing; the next start ends it (orphans.py).
- The end of bubblewrap's report before it named the first process is a failed set-up; nothing was started.
- No Python runs in the child: root is dropped by `setpriv`, limits are set by `prlimit`.
- The launcher's environment is empty: the namespace's first process shows it to the command.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridle.core.errors import InputError
from bridle.delegate.sandbox.arguments import check_command, compile_arguments
from bridle.delegate.sandbox.cgroup import make_leaf
from bridle.delegate.sandbox.descriptors import Descriptors, open_workspace
from bridle.delegate.sandbox.diagnosis import explain_failure
from bridle.delegate.sandbox.machine import MIB, Machine, compile_rlimits, require_reachable
from bridle.delegate.sandbox.mounts import make_scratch
from bridle.delegate.sandbox.network import HeldNetwork
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxUnavailable
from bridle.delegate.sandbox.running import SETUP_TIMEOUT_S, Running

KEEPER = 'echo r >&0; IFS= read -r go && [ "$go" = g ] && exec "$@"'  # waits behind the second gate
STDIN_BYTES = 1 << 16  # what the socket takes in at once: nobody reads it before the command starts
OWN_PROCESSES = 2  # bubblewrap outside and inside count towards the group's limit
ERROR_BYTES = 1 << 12


@dataclass(frozen=True)
class _Pipes:
    """Reading and writing ends; of `keeper`, ours and the command's."""

    stdout: tuple[int, int]
    stderr: tuple[int, int]
    report: tuple[int, int]
    gate: tuple[int, int]
    keeper: tuple[int, int]


async def launch(
    machine: Machine,
    policy: SandboxPolicy,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    network: HeldNetwork | None = None,
) -> Running:
    """Return a sandbox whose command was let go, in a network of its own or in `network`; raise SandboxUnavailable when it
    could not be.

    `environment` is the launcher's own, which must not reach the command; the probe plants a canary in it.
    """
    opened = Descriptors()
    try:
        pipes = _open_pipes(opened)
        command = [*_keep(stdin), *check_command(argv)]
        line = _compile_line(machine, policy, command, pipes=pipes, opened=opened, network=network)
        process = _spawn(machine, line, pipes, environment=environment, opened=opened)
        ours = [opened.hand_over(end) for end in _list_our_ends(pipes)]
    finally:
        opened.close()
    running = Running(process, stdout=ours[0], stderr=ours[1], report=ours[2], gate=ours[3])
    try:
        with socket.socket(fileno=ours[4]) as keeper:
            await _let_go(machine, policy, running, network)
            await _answer(keeper, stdin)
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
    opened.inherited += [report[1], gate[0]]
    ours, keepers = socket.socketpair()
    return _Pipes(out, err, report, gate, (opened.keep(ours.detach()), opened.keep(keepers.detach())))


def _list_our_ends(pipes: _Pipes) -> tuple[int, int, int, int, int]:
    return pipes.stdout[0], pipes.stderr[0], pipes.report[0], pipes.gate[1], pipes.keeper[0]


def _keep(stdin: bytes) -> list[str]:
    """Return the command line of the second gate; raise InputError for more input than the socket takes at once."""
    if len(stdin) > STDIN_BYTES:
        raise InputError(
            f"the input has {len(stdin)} bytes", hint="write it to a file in the workspace instead"
        )
    return ["/bin/sh", "-c", KEEPER if stdin else f"{KEEPER} </dev/null", "sh"]


def _compile_line(
    machine: Machine,
    policy: SandboxPolicy,
    command: list[str],
    *,
    pipes: _Pipes,
    opened: Descriptors,
    network: HeldNetwork | None,
) -> list[str]:
    workspace = opened.keep(open_workspace(policy.workspace))
    for folder in filter(None, (policy.workspace, policy.toolchain)):
        require_reachable(folder.resolve(), uid=machine.drops_to)
    make_scratch(workspace, owner=machine.drops_to)
    arguments = [
        *compile_arguments(
            policy, workspace, filters=machine.filters, opened=opened, joins=network is not None
        ),
        *("--json-status-fd", str(pipes.report[1]), "--block-fd", str(pipes.gate[0])),
    ]
    packed = opened.give_content("arguments", b"\0".join(map(os.fsencode, arguments)))
    start = [
        *machine.drop,
        *(network.enter() if network is not None else ()),
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
    environment: Mapping[str, str] | None,
    opened: Descriptors,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            line,
            stdin=pipes.keeper[1],
            stdout=pipes.stdout[1],
            stderr=pipes.stderr[1],
            pass_fds=opened.inherited,
            env=dict(environment or {}),
            cwd="/",
            umask=0o022,
            start_new_session=True,  # Ctrl-C at the terminal is for us, who then end it and record nothing
        )
    except OSError as exc:
        raise SandboxUnavailable(
            f"the sandbox could not be started: {exc}", where=machine.bwrap, hint="look at `bridle doctor`"
        ) from exc


async def _let_go(
    machine: Machine, policy: SandboxPolicy, running: Running, network: HeldNetwork | None
) -> None:
    first = await running.learn_first_pid()
    if first is None:
        raise explain_failure(_read_error(running.stderr))
    if network is not None:
        network.check(first)
    if machine.seats:
        _place(machine, policy, running, pids=(running.process.pid, first))
    running.release()


async def _answer(keeper: socket.socket, stdin: bytes) -> None:
    """Let the command start once its keeper is there; a sandbox that ended before that is told by whoever supervises it."""
    keeper.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SETUP_TIMEOUT_S):
            said = await loop.sock_recv(keeper, 2)
        if said:
            await loop.sock_sendall(keeper, b"g\n" + stdin)
    except ConnectionError:
        return  # it ended meanwhile


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
