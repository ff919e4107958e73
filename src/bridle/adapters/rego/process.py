"""The worker's process as the server sees it: started, asked with a time limit, and killed when in doubt.

Rules
  1. It gets nothing of our environment, no terminal and no folder of ours, and Python starts isolated: nothing
     that lies in the current folder can become part of it.
  2. A question has one deadline for sending and answering. When it passes, the process is killed.
  3. An answer under another number, a frame that is too long and an end of file are the end of the process.

Blocking on purpose: one thread owns it (see `engine`). It starts nothing anew by itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from typing import IO

from bridle.adapters.rego.frames import HEADER, pack_frame, unpack_header
from bridle.core.errors import InputError
from bridle.trust.policy import PolicyError

CHUNK_BYTES = 1 << 16
WORKER = "bridle.adapters.rego.worker"
ENVIRONMENT = {
    # The engine's allocator takes 1 GiB of addresses at once otherwise, and would spend it whatever the limit is.
    "MIMALLOC_ARENA_RESERVE": "32768",
}


class WorkerProcess:
    """A running worker. Every failure to answer raises PolicyError, and the process is dead then."""

    def __init__(self, program: str = WORKER) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what the worker has to say comes in frames
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C at the terminal is for the server, which still may have to decide
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = self._process.stdout
        for pipe in (self._in, self._out):
            os.set_blocking(pipe.fileno(), False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, number: int, body: bytes, *, timeout_s: float) -> bytes:
        """Send one frame and return the body of the one that answers it."""
        deadline = time.monotonic() + timeout_s
        try:
            self._send(pack_frame(number, body), deadline)
            answered, length = unpack_header(self._receive(HEADER.size, deadline))
            if answered != number:
                raise PolicyError(f"the policy worker answered question {answered} instead of {number}")
            return self._receive(length, deadline)
        except TimeoutError as exc:
            self.kill()
            raise PolicyError(
                f"the policy did not answer within {timeout_s:g} s", reason="policy-timeout"
            ) from exc
        except (PolicyError, InputError, OSError) as exc:
            self.kill()
            raise PolicyError(f"the policy worker failed: {exc}") from exc

    def kill(self) -> None:
        """End the process now and take its remains away."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out):
            with contextlib.suppress(BrokenPipeError):  # closing flushes what nobody will read any more
                pipe.close()

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            _wait(self._in, select.POLLOUT, deadline)
            view = view[os.write(self._in.fileno(), view[:CHUNK_BYTES]) :]

    def _receive(self, size_bytes: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size_bytes:
            _wait(self._out, select.POLLIN, deadline)
            piece = os.read(self._out.fileno(), min(size_bytes - len(data), CHUNK_BYTES))
            if not piece:
                raise PolicyError("it ended without an answer")
            data += piece
        return bytes(data)


def _wait(pipe: IO[bytes], event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(pipe.fileno(), event)
    left_s = deadline - time.monotonic()
    if left_s <= 0 or not poll.poll(left_s * 1000):
        raise TimeoutError
