"""Standard output that cannot be written: told apart from every other error of the system, and given up without a traceback.

Rules
  1. A reader that has gone away (`bridle logs … | head`) has read enough: that is no failure.
  2. Anything else, such as a full disk, is one: what was to be told did not arrive.
  3. What is still in the buffer goes nowhere, so that the end of the process does not fail on it again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from bridle.core.errors import UnavailableError


class LostOutput(Exception):
    """Standard output cannot be written; `why` is the system's error."""

    def __init__(self, why: OSError) -> None:
        super().__init__(str(why))
        self.why = why


class WatchedOutput:
    """Passes everything on to a stream, and raises LostOutput where that fails."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except OSError as error:
            raise LostOutput(error) from error

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise LostOutput(error) from error


@contextmanager
def watched_output() -> Iterator[None]:
    """Watch standard output, and write out at the end what is still in the buffer."""
    watched: Any = WatchedOutput(sys.stdout)
    with redirect_stdout(watched):
        yield
        watched.flush()


def give_up_output(lost: LostOutput) -> UnavailableError | None:
    """Let the rest go nowhere; return the error to report, or None when nobody reads any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(lost.why, BrokenPipeError):
        return None
    return UnavailableError(
        f"the output cannot be written: {lost.why.strerror}",
        hint="make room, then call it again",
        reason="output-lost",
    )
