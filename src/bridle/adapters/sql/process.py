"""A process as a lease remembers it, so that one which died on this machine is noticed at once, not when its lease runs out.

Rules
  1. A process is told from every other by the machine's boot, the namespace its id counts in, its id, and its start time.
  2. It is gone when its machine is this one and the id is free, belongs to a process started at another time, or to one that
     has ended and was not yet waited for.
  3. In doubt it is not gone: another machine's, or one that cannot be looked at, is judged by its lease alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

STATE, STARTED = 0, 19  # places in /proc/PID/stat behind the name: proc(5), fields 3 and 22
ENDED = frozenset("ZX")


@dataclass(frozen=True)
class Process:
    """`machine` is empty where it cannot be told; `started` counts the kernel's ticks since boot."""

    machine: str
    pid: int
    started: int


def this_process() -> Process:
    """Describe the calling process."""
    pid = os.getpid()
    fields = _stat(pid)
    return Process(_machine(), pid, int(fields[STARTED])) if fields else Process("", pid, 0)


def is_gone(process: Process) -> bool:
    """True only when it is certain that the process has ended."""
    if not process.machine or process.machine != _machine():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, but there
    fields = _stat(process.pid)
    if not fields:
        return False
    return fields[STATE] in ENDED or int(fields[STARTED]) != process.started


@cache
def _machine() -> str:
    """Name the boot of this machine and the namespace that process ids count in: containers on one machine have their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{os.uname().nodename} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # the name in brackets may hold anything
