"""Ends what the start of a sandbox left behind when its starter was killed in the middle of it.

Rules:
- Bubblewrap forks the first process of the namespace, which waits for its word. Killed in between, it leaves a process that
  waits for ever: it runs nothing, and nothing but this ends it.
- It is told by three things together: it was started with a command line of ours, it is the first process of a namespace, and
  the bubblewrap that began it is gone. What anybody uses has its own alive, whichever process started it.
- It is looked at once more while a descriptor holds it: no other process that got its number is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from bridle.delegate.sandbox.launch import KEEPER
from bridle.delegate.sandbox.network import WAITS

_PROC = Path("/proc")
_OURS = (os.fsencode(KEEPER), os.fsencode(WAITS))


def end_orphans() -> list[int]:
    """End them, whoever started them; return their numbers. Another user's are left to that user."""
    ended = []
    for pid in (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()):
        if _is_orphan(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                _end(pid)
                ended.append(pid)
    return ended


def _end(pid: int) -> None:
    held = os.pidfd_open(pid)
    try:
        if _is_orphan(pid):
            signal.pidfd_send_signal(held, signal.SIGKILL)
    finally:
        os.close(held)


def _is_orphan(pid: int) -> bool:
    if not _is_ours(pid):
        return False
    try:
        status = dict(line.split(":", 1) for line in (_PROC / str(pid) / "status").read_text().splitlines())
    except OSError:
        return False  # it ended a moment ago
    return (
        len(inside := status["NSpid"].split()) > 1 and inside[-1] == "1" and not _is_ours(int(status["PPid"]))
    )


def _is_ours(pid: int) -> bool:
    try:
        line = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
    return any(word.startswith(_OURS) for word in line.split(b"\0"))
