"""The embedded backend: bubblewrap with our filters, on the host's read-only `/usr`.

Rules:
- Nothing runs before the probe has proved every mandatory guarantee on this machine, once per process. A failed
  probe is not remembered: what is missing may be installed meanwhile.
- A limit that was not proved to be hard is watched from outside and reported as soft.
- What earlier processes left when they were killed is ended first (orphans.py).
- There is no other way to run a command here: no flag is dropped, no guarantee is traded.

It does not decide what a command may do (the policy does) nor whether it runs (the gate does).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bridle.delegate.sandbox.launch import launch
from bridle.delegate.sandbox.machine import MIB, Machine, inspect_machine
from bridle.delegate.sandbox.mounts import list_written
from bridle.delegate.sandbox.network import HeldNetwork, hold_network
from bridle.delegate.sandbox.orphans import end_orphans
from bridle.delegate.sandbox.policy import (
    Capabilities,
    Network,
    Sandbox,
    SandboxPolicy,
    SandboxResult,
    SandboxUnavailable,
)
from bridle.delegate.sandbox.probe import BACKEND, MANDATORY, probe_machine, probe_network
from bridle.delegate.sandbox.running import Running
from bridle.delegate.sandbox.seccomp.filters import FOLDER
from bridle.delegate.sandbox.supervise import Watch, say_when, supervise
from bridle.delegate.sandbox.usage import watch_disk, watch_memory

_Key = tuple[str, str, Path, bool]
_PROVED: dict[_Key, tuple[Machine, Capabilities]] = {}
_PROVED_NETWORKS: set[_Key] = set()


class Bubblewrap(Sandbox):
    """Runs commands under bubblewrap.

    `program` is found on PATH; `filters` is the folder of the seccomp filters; without `use_cgroups` memory and
    processes are soft even where they could be hard.
    """

    def __init__(self, *, program: str = "bwrap", filters: Path = FOLDER, use_cgroups: bool = True) -> None:
        self._program = program
        self._filters = filters
        self._use_cgroups = use_cgroups

    async def probe(self) -> Capabilities:
        """Return what holds here; never raises for something missing, that is in `missing`."""
        try:
            _, capabilities = await self._prove()
        except SandboxUnavailable as exc:
            return Capabilities(BACKEND, hard=(), soft=(), missing=dict.fromkeys(MANDATORY, _tell(exc)))
        return capabilities

    async def run(
        self,
        policy: SandboxPolicy,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        network: Network | None = None,
        ended: asyncio.Event | None = None,
    ) -> SandboxResult:
        """Run `argv` to its end or to the first limit; nothing of it is left when this returns or is cancelled."""
        assert network is None or isinstance(network, HeldNetwork)
        machine, capabilities = await self._prove()
        if capabilities.missing:
            raise _refuse(capabilities)
        running = await launch(machine, policy, argv, stdin=stdin, network=network)
        watches = [] if ended is None else [say_when(ended, "stopped")]
        return await supervise(
            running,
            wall_s=policy.limits.wall_s,
            output_bytes=policy.limits.output_bytes,
            watches=[*watches, *_watch(machine, policy, running)],
        )

    async def open_network(self) -> HeldNetwork:
        """Return a network of which the canaries, the first time, have proved that it leads nowhere."""
        machine, capabilities = await self._prove()
        if capabilities.missing:
            raise _refuse(capabilities)
        network = await hold_network(machine)
        try:
            if self._key() not in _PROVED_NETWORKS:
                failed = await probe_network(machine, network)
                if failed:
                    raise _refuse_network(failed)
                _PROVED_NETWORKS.add(self._key())
        except BaseException:
            network.close()
            raise
        return network

    async def _prove(self) -> tuple[Machine, Capabilities]:
        key = self._key()
        if key not in _PROVED:
            machine = inspect_machine(
                program=self._program, filters=self._filters, use_cgroups=self._use_cgroups
            )
            end_orphans()
            capabilities = await probe_machine(machine)
            if capabilities.missing:
                return machine, capabilities
            _PROVED[key] = (_keep_proved(machine, capabilities), capabilities)
        return _PROVED[key]

    def _key(self) -> _Key:
        return self._program, os.environ.get("PATH", ""), self._filters, self._use_cgroups


def _keep_proved(machine: Machine, capabilities: Capabilities) -> Machine:
    """Use no controller whose effect was not seen: its limit is watched instead."""
    seats = tuple(seat for seat in machine.seats if seat.controller in capabilities.hard)
    return replace(machine, seats=seats)


def _watch(machine: Machine, policy: SandboxPolicy, running: Running) -> list[Watch]:
    roots = [policy.workspace / path for path in list_written(policy)]
    watches = [watch_disk(roots, limit_bytes=policy.limits.disk_mib * MIB)]
    if not machine.has_hard("memory"):
        watches.append(watch_memory(running.first_pid, limit_bytes=policy.limits.memory_mib * MIB))
    return watches


def _tell(exc: SandboxUnavailable) -> str:
    return f"{exc.what}; {exc.hint}" if exc.hint else exc.what


def _refuse(capabilities: Capabilities) -> SandboxUnavailable:
    names = ", ".join(capabilities.missing)
    return SandboxUnavailable(
        f"the sandbox cannot guarantee {names} here, so the command did not start",
        where=capabilities.backend,
        hint="; ".join(dict.fromkeys(capabilities.missing.values())),
    )


def _refuse_network(failed: Sequence[str]) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"commands that share a network are not as shut in as others here: {', '.join(failed)}",
        where=BACKEND,
        hint="leave background services out, or update the kernel and bubblewrap",
        reason="no-network-for-stages",
    )
