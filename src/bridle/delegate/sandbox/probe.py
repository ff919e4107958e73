"""Proves at start what the sandbox enforces here, by planting canaries outside and looking for them from inside.

Rules:
- A real sandbox is started, with the same code as for any command. One check that did not hold takes away its guarantee.
- A guarantee in `MANDATORY` that is not proved goes into `missing`, and then nothing is run at all.
- Memory and processes are hard only if exceeding them was tried here and stopped by the kernel; otherwise they are soft.
- Disk is soft: a bind mount has no size.

The inner half is canary.py. Results are cached by the caller.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bridle.core.boundary import Limits
from bridle.core.canonical import Json
from bridle.delegate.sandbox.launch import launch
from bridle.delegate.sandbox.machine import MIB, Machine
from bridle.delegate.sandbox.network import HeldNetwork
from bridle.delegate.sandbox.policy import Capabilities, SandboxPolicy, SandboxResult, SandboxUnavailable
from bridle.delegate.sandbox.supervise import supervise

BACKEND = "bubblewrap"
PYTHON = "/usr/bin/python3"
MANDATORY = ("network-none", "uid-65534", "seccomp", "read-only-root", "host-invisible", "wall-time")

# A guarantee holds when all of its checks did; their names are those of canary.py.
CHECKS: Mapping[str, tuple[str, ...]] = {
    "network-none": ("only loopback", "host listener", "abstract socket", "vsock", "netlink"),
    "uid-65534": ("user", "groups", "capabilities", "no new privileges"),
    "seccomp": ("filters", "nested namespace", "tracing"),
    "read-only-root": ("read-only", "scratch"),
    "host-invisible": ("namespaces", "secret file", "environment", "host processes", "descriptors"),
    "wall-time": ("wall time",),
    "output": ("output",),
    "memory": ("memory",),
    "pids": ("pids",),
}
SOFT = ("memory", "pids", "disk")

_LIMITS = Limits(wall_s=30, memory_mib=32, pids=16, output_bytes=1 << 16, disk_mib=16)
_NAMESPACES = ("user", "pid", "net", "ipc", "uts", "mnt")
_READ_ONLY = ("/x", "/usr/x", "/etc/x", "/dev/x", "/run/x", "/proc/sys/kernel/hostname", "/workspace/x")
# A sleeper in its own session that ignores TERM must not outlive the wall time; a flood must be cut.
_SLEEPER = ("/bin/sh", "-c", "trap '' TERM; setsid sleep 60 & sleep 60")
_FLOOD = ("/bin/sh", "-c", "exec cat /dev/zero")
_SHORT_S = 0.05


@dataclass(frozen=True)
class _Ground:
    """The planted things: a workspace, and what must not be found from inside."""

    workspace: Path
    planted: Mapping[str, Json]
    token: str


async def probe_machine(machine: Machine) -> Capabilities:
    """Start sandboxes and return what held; raise SandboxUnavailable when none could be started."""
    _require_python()
    with _plant(machine) as ground:
        policy = SandboxPolicy(ground.workspace, limits=_LIMITS)
        inner, wall, output = await asyncio.gather(
            _ask_canary(machine, policy, ground),
            _run(machine, policy, _SLEEPER, wall_s=_SHORT_S),
            _run(machine, policy, _FLOOD, wall_s=_LIMITS.wall_s),
        )
    held = {**inner, "wall time": wall.why == "wall", "output": output.why == "output"}
    return _conclude(machine, held)


async def probe_network(machine: Machine, network: HeldNetwork) -> tuple[str, ...]:
    """Return the checks that do not hold for a command in this network."""
    _require_python()
    with _plant(machine) as ground:
        policy = SandboxPolicy(ground.workspace, limits=_LIMITS)
        held = await _ask_canary(machine, policy, ground, network)
    return tuple(check for checks in CHECKS.values() for check in checks if held.get(check) is False)


def _require_python() -> None:
    if not Path(PYTHON).exists():
        raise SandboxUnavailable(
            "the system's Python was not found, so that nothing can be proved",
            where=PYTHON,
            hint="install it: apt-get install python3",
            reason="program-missing",
        )


async def _ask_canary(
    machine: Machine, policy: SandboxPolicy, ground: _Ground, network: HeldNetwork | None = None
) -> Mapping[str, bool]:
    source = files("bridle.delegate.sandbox").joinpath("canary.py").read_text(encoding="utf-8")
    argv = (PYTHON, "-I", "-S", "-c", source)
    running = await launch(
        machine,
        policy,
        argv,
        stdin=json.dumps(ground.planted).encode(),
        environment={"CANARY": ground.token},
        network=network,
    )
    ended = await supervise(running, wall_s=_LIMITS.wall_s, output_bytes=_LIMITS.output_bytes, watches=())
    if ended.why != "exit" or ended.exit_code != 0:
        said = (ended.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
        raise SandboxUnavailable(
            f"the probe ended with {ended.why} {ended.exit_code} and said: {said}",
            where=BACKEND,
            hint="run `bridle doctor` and report this; the machine differs from those that were tried",
            reason="probe-failed",
        )
    return {str(name): value is True for name, value in json.loads(ended.stdout).items()}


async def _run(
    machine: Machine, policy: SandboxPolicy, argv: tuple[str, ...], *, wall_s: float
) -> SandboxResult:
    running = await launch(machine, policy, argv)
    return await supervise(running, wall_s=wall_s, output_bytes=_LIMITS.output_bytes, watches=())


def _conclude(machine: Machine, held: Mapping[str, bool]) -> Capabilities:
    proved = {name for name, checks in CHECKS.items() if all(held.get(check, False) for check in checks)}
    hard = {name for name in proved if name not in SOFT or machine.has_hard(name)}
    return Capabilities(
        backend=BACKEND,
        hard=tuple(name for name in CHECKS if name in hard),
        soft=tuple(name for name in SOFT if name not in hard),
        missing={name: _advise(name, held) for name in MANDATORY if name not in proved},
    )


def _advise(guarantee: str, held: Mapping[str, bool]) -> str:
    failed = [check for check in CHECKS[guarantee] if not held.get(check, False)]
    return f"these checks did not hold: {', '.join(failed)}; update the kernel and bubblewrap, then run `bridle doctor`"


@contextmanager
def _plant(machine: Machine) -> Iterator[_Ground]:
    token = secrets.token_hex(16)
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bridle-probe-"))
        stack.callback(shutil.rmtree, folder)
        folder.chmod(0o755)
        workspace = folder / "workspace"
        workspace.mkdir(mode=0o755)
        secret = folder / "secret"
        secret.write_text(token, encoding="ascii")
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0bridle-{token}")
        abstract.listen()
        planted: dict[str, Json] = {
            "token": token,
            "secret": str(secret),
            "port": listener.getsockname()[1],
            "abstract": f"bridle-{token}",
            "namespaces": {name: Path(f"/proc/self/ns/{name}").stat().st_ino for name in _NAMESPACES},
            "read_only": list(_READ_ONLY),
            "memory_bytes": _LIMITS.memory_mib * MIB if machine.has_hard("memory") else 0,
            "pids": _LIMITS.pids if machine.has_hard("pids") else 0,
        }
        yield _Ground(workspace, planted, token)
