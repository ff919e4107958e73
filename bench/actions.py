"""What many governed actions at a time cost: as `bench/gate.py` makes one, by 1, 16, 64 and 256 callers at once.

    python bench/actions.py [sqlite|postgresql] [ACTIONS] [--toolkit PYTHON]

    actions    decided by Rego, intended, carried out by a fake that signs, recorded: two appends, each on the disk before its
               caller goes on, chained, and signed for by a checkpoint at the end, which is part of the time
    anew       as those by 64, but each reads another file: a fact that rules read, so that the policy is asked each time
    inserts    as many bytes in as many rows as the actions left in the journal, one batch of 64 a transaction
    toolkit    only with the Python of an environment that has agent-governance-toolkit[core]: its kernel and flight recorder,
               each entry committed at once. One caller: it is not asynchronous. It does not wait for the disk and signs nothing

CPU is that of all threads of this process and of the policy's worker. It asserts nothing.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop
from gate import ROWS, _action, _build_gate, _cpu_s, _open_store

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import load_policy_set
from bridle.adapters.sql.database import Database, open_database
from bridle.adapters.sql.journal import SqlJournal
from bridle.app import shipped
from bridle.gate.action import Done

LANES = {"actions by 1": 1, "actions by 16": 16, "actions by 64": 64, "actions by 256": 256, "anew": 64}
BATCH = 64
TOOLKIT = """
import json, logging, sys, time
from agent_control_plane.agent_kernel import AgentKernel
from agent_control_plane.flight_recorder import FlightRecorder
from agent_control_plane.policy_engine import PolicyEngine
logging.disable(logging.CRITICAL)
engine = PolicyEngine()
engine.add_constraint("fixer", ["read_file"])
kernel = AgentKernel(policy_engine=engine, audit_logger=FlightRecorder(sys.argv[1], enable_batching=False))
count, taken = int(sys.argv[2]), []
began, cpu = time.perf_counter(), time.process_time()
for number in range(count):
    one = time.perf_counter()
    refused = kernel.intercept_tool_execution("fixer", "read_file", {"path": "src/calc.py", "number": number}, "repair")
    taken.append(time.perf_counter() - one)
    assert refused is None, refused
print(json.dumps({"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "taken": taken}))
"""


@dataclass(frozen=True)
class Lane:
    """What one lane took: of each action, and of all."""

    name: str
    taken: list[float]
    wall_s: float
    cpu_s: float

    def describe(self, unit: float) -> str:
        taken, count = sorted(self.taken), len(self.taken)
        middle, tail = taken[count // 2] * 1e3, taken[int(count * 0.99)] * 1e3
        rate = count / self.wall_s
        return (
            f"{self.name:<16}{middle:>10.2f}{tail:>10.2f}{self.cpu_s / count * 1e3:>10.2f}"
            f"{rate:>12.0f}{rate / unit:>12.3f}"
        )


def main(kind: str, count: int, toolkit: str) -> None:
    """Measure and print."""
    lanes = []
    with tempfile.TemporaryDirectory(prefix="bridle-bench-") as place:
        folder = Path(place)
        for name in LANES:
            (folder / name).mkdir()
            with _open_store(kind, folder / name) as url:
                database = open_database(url)
                try:
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as what serves does
                        lane, size = runner.run(_measure(database, folder / name, name, count))
                    lanes.append(lane)
                    if name == "anew":
                        lanes.append(_insert(database, count, size))
                finally:
                    database.close()
        if toolkit:
            lanes.append(_run_toolkit(toolkit, folder / "toolkit.db", count))
    unit = next(len(lane.taken) / lane.wall_s for lane in lanes if lane.name == "inserts")
    print(f"{kind}, {count} actions a lane")
    print(f"{'lane':<16}{'p50 ms':>10}{'p99 ms':>10}{'cpu ms':>10}{'a second':>12}{'x inserts':>12}")
    print("\n".join(lane.describe(unit) for lane in lanes))


async def _measure(database: Database, folder: Path, name: str, count: int) -> tuple[Lane, int]:
    """Return the lane, and how many bytes the journal holds for each action."""
    policy = Regorus(load_policy_set([shipped("policies") / "base"]), timeout_s=5.0)
    try:
        gate, token = await _build_gate(database, folder, policy)
        await gate.perform(
            _action("file.read", "src/calc.py", token, count + 1)
        )  # the policy's worker starts
        waiting, taken = iter(range(count)), []

        async def call() -> None:
            for number in waiting:
                one = time.perf_counter()
                path = f"src/file{number}.py" if name == "anew" else "src/calc.py"
                result = await gate.perform(_action("file.read", path, token, number))
                taken.append(time.perf_counter() - one)
                if not isinstance(result, Done):
                    raise SystemExit(f"nothing to measure: {result}")

        began, cpu = time.perf_counter(), _cpu_s(policy)
        await asyncio.gather(*(call() for _ in range(LANES[name])))
        journal = gate._on.journal
        assert isinstance(journal, SqlJournal)
        await journal.checkpoint()
        lane = Lane(name, taken, time.perf_counter() - began, _cpu_s(policy) - cpu)
        size = await database.read(
            lambda connection: connection.execute(
                sa.text("SELECT sum(length(data)) FROM journal")
            ).scalar_one()
        )
        return lane, int(size) // (count + 2)
    finally:
        await policy.close()


def _insert(database: Database, count: int, size: int) -> Lane:
    """Write two rows for each action, as two appends would, many in one synced transaction."""
    rows: list[dict[str, Any]] = [{"data": "x" * (size // 2)}] * (2 * BATCH)
    with database.engine.begin() as connection:
        ROWS.create(connection)
    began, cpu, taken = time.perf_counter(), time.process_time(), []
    for _ in range(max(count // BATCH, 1)):
        one = time.perf_counter()
        database._write(lambda connection: connection.execute(ROWS.insert(), rows), True)
        taken += [time.perf_counter() - one] * BATCH
    return Lane("inserts", taken, time.perf_counter() - began, time.process_time() - cpu)


def _run_toolkit(python: str, store: Path, count: int) -> Lane:
    words = [python, "-c", TOOLKIT, str(store), str(count)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"the toolkit did not run: {ended.stderr[-400:]}")
    said = json.loads(ended.stdout.splitlines()[-1])
    return Lane("toolkit", said["taken"], said["wall_s"], said["cpu_s"])


if __name__ == "__main__":
    given = sys.argv[1:]
    other = given[given.index("--toolkit") + 1] if "--toolkit" in given else ""
    numbers = [word for word in given if word.isdigit()]
    main("postgresql" if "postgresql" in given else "sqlite", int(numbers[0]) if numbers else 2000, other)
