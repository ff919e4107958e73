"""What a sandbox has to enforce. A backend compiles it; it never adds to it and never relaxes it.

Everything outside the workspace is read-only or absent. Inside, only `writable` sub-paths (and `.bridle`) can be
written, and `read_only` sub-paths cannot even when they lie below a writable one. Nothing is inherited from
the environment. There is no network, or one that has nothing but loopback and the services of one stage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bridle.core.boundary import Limits
from bridle.core.canonical import Json
from bridle.core.errors import UnavailableError


class SandboxUnavailable(UnavailableError):
    """A guarantee that is not optional cannot be given here; the command did not start."""

    default_reason = "sandbox-unavailable"


@dataclass(frozen=True)
class SandboxPolicy:
    """One run's policy.

    `workspace` becomes `/workspace`. `writable` and `read_only` are existing paths below it, relative, `.` for all of
    it. `toolchain` is a virtual environment made from the system's Python, bound read-only at `/opt/venv` and first on
    PATH. `env` is the whole environment besides PATH, HOME, LANG and TMPDIR.
    """

    workspace: Path
    writable: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    toolchain: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class SandboxResult:
    """How a run ended.

    `why` is `exit`, `wall`, `output`, `oom`, `pids`, `disk`, `stopped` (whoever ran it had it end) or `setup` (the sandbox itself
    was killed from outside, and nobody knows how far the command came); `cancelled` says who ended it instead of waiting
    (delegate.script).
    `exit_code` is -1 unless `why` is `exit`; it is 127 for a program that could not be started and 128 plus the signal
    for a killed one.
    `stdout` and `stderr` are capped at `Limits.output_bytes` together; `truncated` says that more came.
    """

    why: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool
    duration_ms: int


@dataclass(frozen=True)
class Capabilities:
    """What a backend proved it enforces here: names of guarantees.

    `hard` hold against the command; `soft` are checked but can be overrun for a moment; `missing` maps a mandatory
    guarantee to what has to be done to get it. Anything missing means that the backend refuses to run.
    """

    backend: str
    hard: tuple[str, ...]
    soft: tuple[str, ...]
    missing: Mapping[str, str]

    def to_json(self) -> dict[str, Json]:
        return {
            "backend": self.backend,
            "hard": list(self.hard),
            "soft": list(self.soft),
            "missing": dict(self.missing),
        }


class Network(Protocol):
    """A loopback interface that several runs share, and that leads nowhere else."""

    def close(self) -> None:
        """Take nobody in any more; it is gone when the last that is in it has ended."""
        ...


class Sandbox(Protocol):
    """Runs commands under a policy."""

    async def probe(self) -> Capabilities:
        """Start a real sandbox with planted canaries and report what held; cached per process."""
        ...

    async def run(
        self,
        policy: SandboxPolicy,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        network: Network | None = None,
        ended: asyncio.Event | None = None,
    ) -> SandboxResult:
        """Run `argv` with at most 64 KiB of input, in `network` if one is given; raise SandboxUnavailable when a mandatory
        guarantee cannot be given. Once `ended` is set the run is stopped, and what it printed is kept."""
        ...

    async def open_network(self) -> Network:
        """Return a fresh network that several runs can share; raise SandboxUnavailable where that would not be safe."""
        ...
