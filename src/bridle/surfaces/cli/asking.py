"""Asks a person on the terminal in the middle of asynchronous work.

Nothing waits in a thread: one that reads the terminal could not be interrupted, and Ctrl-C would hang until the next line.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

LOOK_S = 1.0


async def ask(question: str, unless: Callable[[], Awaitable[bool]] | None = None) -> str | None:
    """Return what a person answers, in lower case; a terminal that is closed answers nothing.

    None says that the question is settled: `unless`, which is looked at while nobody types, became true.
    """
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    print(question, end="", file=sys.stderr, flush=True)
    waiting = asyncio.ensure_future(typed.wait())
    loop.add_reader(sys.stdin, typed.set)
    try:
        while not typed.is_set():
            if unless is not None and await unless():
                print(file=sys.stderr)
                return None
            await asyncio.wait({waiting}, timeout=LOOK_S if unless else None)
    finally:
        loop.remove_reader(sys.stdin)
        waiting.cancel()
    return sys.stdin.readline().strip().lower()
