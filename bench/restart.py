"""How soon work goes on when the only process is killed and started again, from SIGKILL on: all of a cold start is in it.

    python bench/restart.py [sqlite|postgresql] [ROUNDS]

In each round `bridle serve` carries a pipeline of commands, each an action through gate and sandbox, and is killed once some of
them have ended; at the same moment it is started again, as a supervisor of services does. It asserts nothing.

    serves        until the new process says that it serves: interpreter, imports, store, policy, sandbox's probe
    first intent  until the journal has the first action that it began: decided with the policy on, recorded durably
    first end     until that action was carried out and its outcome is recorded
    CPU to serve  the processor time of the new process until it serves: what of it no other load explains
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path

from place import open_place

from bridle.app import open_app
from bridle.app.store import Store, open_store
from bridle.core.settings import Settings
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind

STEPS = 500  # more than are done in all rounds
DONE_BEFORE = 3  # of each round
POLL_S = 0.02
MOMENTS = ("serves", "first intent", "first end", "CPU to serve")


def main(kind: str, rounds: int) -> None:
    """Measure and print."""
    with open_place(kind) as settings:
        taken = asyncio.run(_measure(settings, rounds))
    print(f"{kind}, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"{'until':<14}{'best s':>8}{'p50 s':>8}{'worst s':>9}")
    for moment, times in zip(MOMENTS, zip(*taken, strict=True), strict=True):
        print(f"{moment:<14}{min(times):>8.2f}{statistics.median(times):>8.2f}{max(times):>9.2f}")


async def _measure(settings: Settings, rounds: int) -> list[tuple[float, ...]]:
    settings.work_dir.parent.chmod(0o711)  # the sandbox's user passes through
    async with open_app(settings) as app:
        started = await app.control.start(
            _plan_commands(), inputs={}, options={}, initiator=app.user, detached=True
        )
    environment = {
        **os.environ,
        "BRIDLE_DATA_DIR": str(settings.data_dir),
        "BRIDLE_CONFIG_DIR": str(settings.config_dir),
        "BRIDLE_WORK_DIR": str(settings.work_dir),
        "BRIDLE_STORE": settings.store_url,
    }
    with open_store(settings) as store:
        server = await _serve(environment)
        taken: list[tuple[float, ...]] = []
        try:
            for _ in range(rounds):
                await _more(store, started.id, Kind.OUTCOME, by=DONE_BEFORE)
                known = await _count(store, started.id, Kind.INTENDED)
                killed = time.monotonic()
                server.send_signal(signal.SIGKILL)
                await server.wait()
                server = await _serve(environment)
                serves = asyncio.ensure_future(_ready(server))
                intent = asyncio.ensure_future(_reach(store, started.id, Kind.INTENDED, known + 1))
                end = asyncio.ensure_future(_more(store, started.id, Kind.OUTCOME, by=1))
                (first, used), second, third = await asyncio.gather(serves, intent, end)
                taken.append((first - killed, second - killed, third - killed, used))
        finally:
            if server.returncode is None:
                server.kill()
            await server.wait()
    return taken


async def _serve(environment: dict[str, str]) -> Process:
    command = [sys.executable, "-m", "bridle", "serve", "--json"]
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE)


async def _ready(server: Process) -> tuple[float, float]:
    """Return when it serves, and how much processor time it had used by then."""
    assert server.stdout is not None
    async for line in server.stdout:
        if json.loads(line)["event"] == "serving":
            return time.monotonic(), _used_s(server.pid)
    raise SystemExit("nothing to measure: the server ended before it served")


def _used_s(process: int) -> float:
    told = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


async def _more(store: Store, execution: str, kind: Kind, *, by: int) -> float:
    """Wait for so many more records of a kind; return when."""
    return await _reach(store, execution, kind, await _count(store, execution, kind) + by)


async def _reach(store: Store, execution: str, kind: Kind, wanted: int) -> float:
    while await _count(store, execution, kind) < wanted:  # noqa: ASYNC110 - another process writes them
        await asyncio.sleep(POLL_S)
    return time.monotonic()


async def _count(store: Store, execution: str, kind: Kind) -> int:
    records: Sequence[object] = await store.journal.read(execution=execution, kinds=(kind,))
    return len(records)


def _plan_commands() -> Plan:
    steps = "".join(f"        - {{id: s{number}, run: {{script: 'true'}}}}\n" for number in range(STEPS))
    text = f"version: 1\npipeline:\n  id: commands\n  stages:\n    - id: only\n      steps:\n{steps}"
    return read_pipeline(text, source="bench")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sqlite", int(sys.argv[2]) if len(sys.argv) > 2 else 5)
