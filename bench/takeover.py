"""How soon another process goes on after SIGKILL, with the product's own timing, next to how long a lease is.

    python bench/takeover.py [sqlite|postgresql] [ROUNDS]

This process takes over what others leave, as `bridle serve` does. In each round another one begins a pipeline of steps that do
nothing, and is killed in the middle of it. The time is from the signal to the first record that this process writes about
a step of it. The cases take turns. It asserts nothing.

    same machine          the killed process can be seen to be gone
    another machine       it wrote its lease under another machine's name (a fake): only its silence tells
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from place import listen, open_place
from steps import plan_nothing

from bridle.adapters.sql import leases
from bridle.adapters.sql.process import this_process
from bridle.app import App, open_app
from bridle.core.settings import Settings
from bridle.engine.durable import Timing
from bridle.trust.journal import Kind, Record

STEPS = 2_000  # more than are done before the signal
DONE_BEFORE = 5
CASES = ("same machine", "another machine")


def main(kind: str, rounds: int) -> None:
    """Measure and print."""
    with open_place(kind) as settings:
        taken = asyncio.run(_measure(settings, rounds))
    lease_s = Timing().lease_s
    print(f"{kind}, {rounds} rounds, a lease of {lease_s} s")
    print(f"{'case':<18}{'best s':>8}{'p50 s':>8}{'worst s':>9}{'p50 x lease':>13}")
    for case, times in taken.items():
        middle = statistics.median(times)
        print(f"{case:<18}{min(times):>8.2f}{middle:>8.2f}{max(times):>9.2f}{middle / lease_s:>13.2f}")


async def _measure(settings: Settings, rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {case: [] for case in CASES}
    async with open_app(settings, takes_over=True) as app:
        written: asyncio.Queue[tuple[Record, float]] = asyncio.Queue()
        listen(app, lambda record: written.put_nowait((record, time.monotonic())))
        for _ in range(rounds):
            for case, times in taken.items():
                times.append(await _kill_one(app, written, case))
    return taken


async def _kill_one(app: App, written: asyncio.Queue[tuple[Record, float]], case: str) -> float:
    settings = app.settings
    folders = [str(folder) for folder in (settings.data_dir, settings.config_dir, settings.work_dir)]
    command = [sys.executable, __file__, "--child", case, *folders, settings.store_url]
    victim = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert victim.stdout is not None
        execution = (await victim.stdout.readline()).decode().strip()
        if not execution:
            raise SystemExit("nothing to measure: the other process ended before it had begun an execution")
        while await _count_ended(app, execution) < DONE_BEFORE:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.02)
        while not written.empty():
            written.get_nowait()
        killed = time.monotonic()
        victim.send_signal(signal.SIGKILL)
        at = await _next_of(written, execution, (Kind.STEP_STARTED, Kind.STEP_ENDED))
        await app.control.cancel(execution, by=app.user)
        await _next_of(written, execution, (Kind.EXECUTION_ENDED,))
        return at - killed
    finally:
        if victim.returncode is None:
            victim.kill()
        await victim.wait()


async def _count_ended(app: App, execution: str) -> int:
    return len(await app.journal.read(execution=execution, kinds=(Kind.STEP_ENDED,)))


async def _next_of(
    written: asyncio.Queue[tuple[Record, float]], execution: str, kinds: tuple[Kind, ...]
) -> float:
    while True:
        record, at = await written.get()
        if record.execution == execution and record.kind in kinds:
            return at


async def _carry(case: str, settings: Settings) -> None:
    """Be the process that is killed."""
    if case == "another machine":
        vars(leases)["this_process"] = lambda: replace(this_process(), machine="elsewhere")
    async with open_app(settings) as app:
        started = await app.control.start(plan_nothing(STEPS), inputs={}, options={}, initiator=app.user)
        print(started.id, flush=True)
        await app.durable.result(started.id)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        case, *folders, url = sys.argv[2:]
        data, config, work = (Path(folder) for folder in folders)
        asyncio.run(_carry(case, Settings(data, config, work, url, model="")))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "sqlite", int(sys.argv[2]) if len(sys.argv) > 2 else 5)
