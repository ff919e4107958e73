"""A network that the sandboxes of one stage share: a loopback interface, and nothing else.

Rules:
- A holder keeps it: bubblewrap in a user and a network namespace of its own, around a program that only waits for us to go.
- Who joins enters both namespaces before bubblewrap starts, and bubblewrap then makes every other namespace anew, a user
  namespace included: in the one that owns the network a command is nobody, so it can change nothing of the network.
- A program that cannot join starts nothing. That the first process of a sandbox is in the holder's network, and not in ours,
  is looked at again before the command is let go.
- Before the first network of this process is given to anybody, the canaries are looked for from inside it (probe.py).

Abstract sockets belong to a network namespace: the commands of one stage share them as well, the host's stay out of reach.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

from bridle.delegate.sandbox.arguments import list_top_level
from bridle.delegate.sandbox.diagnosis import explain_failure
from bridle.delegate.sandbox.machine import SANDBOX_UID, Machine, find_program
from bridle.delegate.sandbox.policy import Network, SandboxUnavailable

READY = b"r\n"
SETUP_TIMEOUT_S = 20.0
_HOLDER = f"""
    --unshare-user --unshare-net --unshare-pid --unshare-ipc --unshare-uts --uid {SANDBOX_UID} --gid {SANDBOX_UID}
    --die-with-parent --new-session --cap-drop ALL --clearenv --ro-bind /usr /usr --chdir /
""".split()
WAITS = "echo r; exec cat"  # until our end of its input is closed, also by our death


class HeldNetwork(Network):
    """One network, for as long as its holder lives. `inode` names it, as `/proc/PID/ns/net` does."""

    def __init__(self, holder: subprocess.Popen[bytes], *, pid: int, nsenter: str) -> None:
        self._holder = holder
        self._enter = [nsenter, f"--user=/proc/{pid}/ns/user", f"--net=/proc/{pid}/ns/net"]
        self.inode = find_network(pid)
        if self.inode == find_network(os.getpid()):
            raise _unjoined("the holder of the stage's network is in ours")

    def enter(self) -> list[str]:
        """Return the beginning of a command line that joins."""
        return [*self._enter, "--preserve-credentials", "--"]

    def check(self, pid: int) -> None:
        """Raise SandboxUnavailable unless the process is in this network."""
        if find_network(pid) != self.inode:
            raise _unjoined("a command is not in the network of its stage")

    def close(self) -> None:
        end_holder(self._holder)


async def hold_network(machine: Machine) -> HeldNetwork:
    """Return a fresh network; raise SandboxUnavailable when it cannot be had here."""
    nsenter = find_program("nsenter")
    holder, reading = _start_holder(machine)  # by this thread: a holder dies with the thread that began it
    try:
        async with asyncio.timeout(SETUP_TIMEOUT_S):
            pid = await asyncio.to_thread(_await_ready, holder, reading)
        return HeldNetwork(holder, pid=pid, nsenter=nsenter)
    except TimeoutError as exc:
        end_holder(holder)
        raise _unjoined("the holder of the stage's network did not begin") from exc
    except BaseException:
        end_holder(holder)
        raise


def find_network(pid: int) -> int:
    """Return which network namespace a process is in; raise SandboxUnavailable when that cannot be known."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError as exc:
        raise _unjoined(f"the network of a process cannot be told: {exc.strerror}") from exc


def end_holder(holder: subprocess.Popen[bytes]) -> None:
    """End the holder; the network is gone once the last who joined it is."""
    holder.kill()
    holder.communicate()


def _start_holder(machine: Machine) -> tuple[subprocess.Popen[bytes], int]:
    """Start the holder; return it and where it will say its process id, which is ours to close."""
    reading, writing = os.pipe()
    line = [
        *machine.drop,
        machine.bwrap,
        *_HOLDER,
        *list_top_level(),
        "--info-fd",
        str(writing),
        "--",
        "/bin/sh",
        "-c",
        WAITS,
    ]
    try:
        holder = subprocess.Popen(
            line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[writing],
            env={},
            cwd="/",
            start_new_session=True,  # as of the sandboxes that share it
        )
    except OSError as exc:
        os.close(reading)
        raise _unjoined(f"the holder of the stage's network could not be started: {exc}") from exc
    finally:
        os.close(writing)
    return holder, reading


def _await_ready(holder: subprocess.Popen[bytes], reading: int) -> int:
    """Return the holder's process id once its network is set up."""
    assert holder.stdout is not None
    assert holder.stderr is not None
    with open(reading, "rb") as told:
        if holder.stdout.readline() != READY:
            raise explain_failure(holder.stderr.read(1 << 12).decode(errors="replace").strip())
        return int(json.loads(told.read())["child-pid"])


def _unjoined(what: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        what,
        hint="look at `bridle doctor`; without it a stage has no background services",
        reason="no-network-for-stages",
    )
