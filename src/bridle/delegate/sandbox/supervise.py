"""Watches one running command until it ends or goes too far, and says how it ended.

Rules:
- Whatever comes first decides: the command's own end, the wall time, the cap on output, a watched limit. The rest of the
  namespace is then killed, whatever the command would like.
- No more than the cap is ever kept; output over it ends the command, also when the command ended at the same moment.
- A limit of the control group that was hit explains a failure; a command that coped with it and ended well did so.
- Whatever happens to the caller, nothing of the sandbox is left.
- Whoever stops a service signals all of its processes, us and the command alike. So an end that a signal from elsewhere may have
  made is told only a moment later: by then we have been ended as well, nobody is told, and it is not taken for a failure.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bridle.delegate.sandbox.descriptors import Stream
from bridle.delegate.sandbox.diagnosis import explain_failure
from bridle.delegate.sandbox.launch import finish
from bridle.delegate.sandbox.policy import SandboxResult
from bridle.delegate.sandbox.running import Running

Watch = Coroutine[Any, Any, str]

NOT_STARTED = b"bwrap: execvp "  # bubblewrap's words, and only its own: the command never ran
NOT_STARTED_CODE = 127  # as a shell says it
SIGNALLED = {
    128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
}  # as bubblewrap says it
STOPPED_S = 2.0  # from the signal to us until what we do is cancelled, on a busy machine


class _Budget:
    """How many bytes of output are still welcome, both pipes together."""

    def __init__(self, left_bytes: int) -> None:
        self.overrun = asyncio.Event()
        self._left_bytes = left_bytes

    def fill(self, kept: bytearray) -> Callable[[bytes], bool]:
        def take(chunk: bytes) -> bool:
            kept.extend(chunk[: self._left_bytes])
            if len(chunk) > self._left_bytes:
                self.overrun.set()
            self._left_bytes -= min(len(chunk), self._left_bytes)
            return not self.overrun.is_set()

        return take


async def supervise(
    running: Running, *, wall_s: float, output_bytes: int, watches: Sequence[Watch]
) -> SandboxResult:
    """Wait for the command's end or force it; nothing of the sandbox is left when this returns or raises."""
    started = time.monotonic()
    budget, stdout, stderr = _Budget(output_bytes), bytearray(), bytearray()
    streams = [Stream(running.stdout, budget.fill(stdout)), Stream(running.stderr, budget.fill(stderr))]
    tasks = [asyncio.ensure_future(watch) for watch in (say_when(budget.overrun, "output"), *watches)]
    code: int | None = None
    try:
        why, code = await _await_first(running, tasks, wall_s=wall_s)
        hit = running.leaf.find_overrun() if running.leaf else ""
        running.kill()
        for stream in streams:
            await stream.wait()
    finally:
        for task in tasks:
            task.cancel()
        await finish(running)
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in streams:
            stream.close()
    if code is None and stderr.startswith(NOT_STARTED):
        code = NOT_STARTED_CODE
    if why == "exit":
        killed = running.process.returncode < 0
        why = _judge(code, overrun=budget.overrun.is_set(), hit=hit, stderr=bytes(stderr), killed=killed)
    if why == "setup" or (why == "exit" and code in SIGNALLED):
        await asyncio.sleep(STOPPED_S)
    return SandboxResult(
        why=why,
        exit_code=code if why == "exit" and code is not None else -1,
        stdout=bytes(stdout),
        stderr=bytes(stderr),
        truncated=budget.overrun.is_set(),
        duration_ms=round((time.monotonic() - started) * 1000),
    )


async def say_when(event: asyncio.Event, word: str) -> str:
    """Return `word` once the event is set: a watch."""
    await event.wait()
    return word


async def _await_first(
    running: Running, tasks: Sequence[asyncio.Future[str]], *, wall_s: float
) -> tuple[str, int | None]:
    """Return what came first: `exit` with the code that was reported, a watch's word, or `wall`."""
    ended = asyncio.ensure_future(running.wait())
    everything: set[asyncio.Future[Any]] = {ended, *tasks}
    try:
        done, _ = await asyncio.wait(everything, timeout=wall_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
    if not done:
        return "wall", None
    words = [task.result() for task in tasks if task in done]
    return (words[0], None) if words else ("exit", ended.result())


def _judge(code: int | None, *, overrun: bool, hit: str, stderr: bytes, killed: bool) -> str:
    """Say how a command ended that nobody here stopped."""
    if overrun:
        return "output"
    if code is None and not killed and not hit:
        raise explain_failure(stderr.decode(errors="replace").strip())
    if code is None:
        return hit or "setup"
    return hit if hit and code != 0 else "exit"
