"""A sandbox that was started, and how it ends.

Rules:
- Ending kills bubblewrap and the first process of the namespace, waits until both are gone, and with them everything
  inside, detached processes included; then the control group is removed.
- The namespace's first process is learnt before anything is killed: bubblewrap's death alone does not end one that
  still waits at the gate.
- An exit code counts only if bubblewrap reported it: before its set-up is done it reports none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess

from bridle.delegate.sandbox.cgroup import Leaf
from bridle.delegate.sandbox.descriptors import ProcessHandle, Stream

SETUP_TIMEOUT_S = 20.0
REPORT_BYTES = 1 << 14


class Running:
    """One started bubblewrap. `stdout` and `stderr` are the command's pipes; whoever reads them closes them.

    `first_pid` is the host's number of the namespace's first process, once it was learnt.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], *, stdout: int, stderr: int, report: int, gate: int
    ) -> None:
        self.process = process
        self.stdout = stdout
        self.stderr = stderr
        self.leaf: Leaf | None = None
        self.first_pid = 0
        self._gate = gate
        self._text = bytearray()
        self._report = Stream(report, self._take)
        self._outer = ProcessHandle(process.pid)
        self._inner: ProcessHandle | None = None

    async def learn_first_pid(self) -> int | None:
        """Return the host's number of the namespace's first process, None when the set-up failed before it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETUP_TIMEOUT_S):
                await self._report.wait(lambda: b"\n" in self._text)
        pid = self._find("child-pid")
        self.first_pid = pid or 0
        if pid is not None and self._inner is None:
            with contextlib.suppress(ProcessLookupError):  # it ended before it was released
                self._inner = ProcessHandle(pid)
        return pid

    def release(self) -> None:
        """Let the command start."""
        os.write(self._gate, b"\n")

    async def wait(self) -> int | None:
        """Wait for the end; return the command's exit code, None when it never ran or bubblewrap was killed."""
        await self._outer.gone.wait()
        await self._report.wait()
        return self._find("exit-code")

    def kill(self) -> None:
        """Kill the sandbox; everything in its namespace dies with its first process."""
        for handle in self._handles():
            handle.kill()

    async def end(self) -> None:
        """Kill what is left, wait until it is gone, and give back the control group."""
        await self.learn_first_pid()
        self.kill()
        for handle in self._handles():
            await handle.gone.wait()
        self.process.wait()
        self._report.close()
        if self._gate >= 0:
            os.close(self._gate)
            self._gate = -1
        if self.leaf is not None:
            leaf, self.leaf = self.leaf, None
            await leaf.remove()

    def _handles(self) -> list[ProcessHandle]:
        return [handle for handle in (self._outer, self._inner) if handle is not None]

    def _take(self, chunk: bytes) -> bool:
        self._text += chunk
        return len(self._text) <= REPORT_BYTES

    def _find(self, name: str) -> int | None:
        for line in self._text.splitlines():
            document = json.loads(line)
            if name in document:
                return int(document[name])
        return None
