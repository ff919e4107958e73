"""What the gate costs: one allowed read of a file, from the action to its recorded outcome, without the engine.

    python bench/gate.py [sqlite|postgresql] [ROUNDS]

The store, the policy engine and the signatures are real; the delegate is a fake that signs at once what it is told, and does
nothing. CPU is that of all threads of this process and of the policy's worker. It asserts nothing.

    perform               decided, intended, carried out, recorded: two transactions that are synced to the disk. The rules are
                          asked about the same facts each time, and so answered from memory
    asked anew            the same of another file each time: a fact that rules read, so the policy's worker is asked
    the same again        answered from the journal
    denied                decided and recorded: one transaction
    two commits           a row inserted and committed, twice, through the store's own writer: what the disk alone takes
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the server that the tests start

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import load_policy_set
from bridle.adapters.sql.database import Database, open_database
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.working import WorkingStore
from bridle.app import shipped
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.clock import SystemClock
from bridle.dispatch.protocol import Report, Request, Task, sign_report
from bridle.gate.action import Action, Denied, Done, action_key
from bridle.gate.gate import Gate
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import Signer, load_signer
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import MintToken, mint
from support.ports import build_ports
from support.postgres import run_postgres

Case = Callable[[], Awaitable[object]]
ROWS = sa.Table(
    "bench_rows", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("data", sa.Text)
)
NEEDS = frozenset({"file:read"})
FILE = "def add(left, right):\n    return left + right\n" * 20


@dataclass(frozen=True)
class FakeDelegate:
    """Carries nothing out and signs that it read a small file."""

    signer: Signer
    name: str = "delegate:local"

    async def carry_out(self, task: Task) -> Report:
        return sign_report(
            self.signer,
            action_digest=task.request.digest,
            delegate=self.name,
            status="succeeded",
            value={"path": "src/calc.py", "text": FILE},
            facts={"duration_ms": 1},
        )

    async def look_up(self, task: Task) -> Report | None:
        return None

    async def snapshot(self, workspace: str) -> str:
        return ""

    async def probe(self) -> Mapping[str, Json]:
        return {}


@dataclass(frozen=True)
class Cost:
    """What one call took."""

    wall_s: float
    cpu_s: float


def main(kind: str, rounds: int) -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory(prefix="bridle-bench-") as folder,
        _open_store(kind, Path(folder)) as url,
    ):
        database = open_database(url)
        try:
            asyncio.run(_report(database, Path(folder), kind, rounds))
        finally:
            database.close()


@contextmanager
def _open_store(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bridle.db'}"
        return
    with run_postgres(durable=True) as server:
        yield server.url(server.create())


async def _report(database: Database, folder: Path, kind: str, rounds: int) -> None:
    policy = Regorus(load_policy_set([shipped("policies") / "base"]), timeout_s=5.0)
    try:
        gate, token = await _build_gate(database, folder, policy)
        cases = await _list_cases(gate, token, database)
        taken = await _measure(cases, policy, rounds)
    finally:
        await policy.close()
    print(f"{kind}, {rounds} rounds")
    print(f"{'case':<18}{'p50 ms':>10}{'p99 ms':>10}{'cpu ms':>10}{'x commits':>12}")
    unit = statistics.median(cost.wall_s for cost in taken["two commits"])
    for name, costs in taken.items():
        walls = sorted(cost.wall_s for cost in costs)
        middle, tail, cpu = walls[len(walls) // 2], walls[int(len(walls) * 0.99)], sum(c.cpu_s for c in costs)
        print(
            f"{name:<18}{middle * 1000:>10.2f}{tail * 1000:>10.2f}{cpu / len(costs) * 1000:>10.2f}{middle / unit:>12.1f}"
        )


async def _measure(cases: Mapping[str, Case], policy: Regorus, rounds: int) -> dict[str, list[Cost]]:
    taken: dict[str, list[Cost]] = {name: [] for name in cases}
    for turn in range(rounds + 10):
        for name, case in cases.items():
            wall, cpu = time.perf_counter(), _cpu_s(policy)
            await case()
            if turn >= 10:  # the first turns warm up
                taken[name].append(Cost(time.perf_counter() - wall, _cpu_s(policy) - cpu))
    return taken


def _cpu_s(policy: Regorus) -> float:
    worker = Path(f"/proc/{policy.worker_pid}/schedstat")  # nanoseconds on a processor, of its only thread
    other = int(worker.read_text("ascii").split()[0]) if worker.exists() else 0
    return time.process_time() + other / 1e9


async def _list_cases(gate: Gate, token: str, database: Database) -> dict[str, Case]:
    numbers, insert = count(), ROWS.insert()
    await database.write(lambda connection: ROWS.create(connection))

    async def perform(tool: str, path: str, number: int, expected: type) -> None:
        result = await gate.perform(_action(tool, path, token, number))
        if not isinstance(result, expected):
            raise SystemExit(f"nothing to measure: {result}")

    async def anew() -> None:
        number = next(numbers)
        await perform("file.read", f"src/file{number}.py", number, Done)

    async def commits() -> None:
        for _ in range(2):
            await database.write(lambda connection: connection.execute(insert, {"data": "x" * 800}))

    return {
        "two commits": commits,
        "perform": lambda: perform("file.read", "src/calc.py", next(numbers), Done),
        "asked anew": anew,
        "the same again": lambda: perform("file.read", "src/calc.py", 0, Done),
        "denied": lambda: perform("file.read", "../secret", next(numbers), Denied),
    }


def _action(tool: str, path: str, token: str, number: int) -> Action:
    key = action_key("exe_bench", "repair/fix", turn=number)
    return Action(
        request=Request(key, tool, {"path": path}, "agent:fixer", "repair"),
        execution="exe_bench",
        step="repair/fix",
        boundary=Boundary(write=("src/**",), protect=("src/tests",), push=("bridle/**",)),
        token=token,
        workspace="exe_bench",
    )


async def _build_gate(database: Database, folder: Path, policy: Regorus) -> tuple[Gate, str]:
    clock, signer = SystemClock(), load_signer(folder / "control-plane.key")
    journal = SqlJournal(database, WorkingStore(b"w" * 32), clock, signer)
    delegate = FakeDelegate(load_signer(folder / "delegate.key"))
    ports = build_ports(
        database, journal, signer=signer, clock=clock, policy=policy, delegate=delegate, folder=folder
    )
    return Gate(ports), await _mint(journal, clock)


async def _mint(journal: SqlJournal, clock: SystemClock) -> str:
    user = Principal(PrincipalKind.USER, "ana", "user:ana", NEEDS)
    agent = Principal(PrincipalKind.AGENT, "fixer", "user:ana", NEEDS, version="1.0.0", digest="sha256:a")
    minted = mint(
        actor=agent,
        initiator=user,
        asked_for=NEEDS,
        execution="exe_bench",
        step="repair/fix",
        expires_at=clock.now() + timedelta(hours=1),
    )
    entries = [
        Entry(Kind.EXECUTION_STARTED, "exe_bench", "exe_bench", {"pipeline": "bench"}),
        Entry(Kind.TOKEN_MINTED, "exe_bench", minted.token.id, {}),
    ]
    guards: list[Any] = [
        RegisterPrincipal(user, None),
        RegisterPrincipal(agent, None),
        MintToken(minted.token),
    ]
    await journal.append(entries, guards)
    return minted.secret


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sqlite", int(sys.argv[2]) if len(sys.argv) > 2 else 300)
