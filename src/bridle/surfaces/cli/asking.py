"""Asks a person on the terminal in the middle of asynchronous work.

Nothing waits in a thread: one that reads the terminal could not be interrupted, and Ctrl-C would hang until the next line.
"""

from __future__ import annotations

import asyncio
import sys


async def ask(question: str) -> str:
    """Return what a person answers, in lower case; a terminal that is closed answers nothing."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    print(question, end="", file=sys.stderr, flush=True)
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline().strip().lower()
