"""What a step costs before it does anything: ten steps that do nothing, next to bare DBOS and to a bare commit.

    python bench/steps.py [sqlite|postgresql] [ROUNDS]

Everything is on one store of one process, PostgreSQL with its data synced to the disk. The cases take turns, so that a busy
moment of the machine hits all of them. A figure is what one more step costs: runs of thirty less runs of ten, by twenty.

    a commit              one row inserted and committed through the store's own writer
    bare DBOS             a workflow of async steps that return a small dictionary, each synced to the disk
    DBOS, unsynced        the same as the product has it: what it commits is answered by the journal after a power cut
    interpreter           our interpreter on DBOS with a worker that answers at once: no record is made
    pipeline              the product whole: steps that wait for 0 s, the only kind that asks nothing of a delegate
    prefect, langgraph    the same in their own ways, on SQLite whatever the store (bench/others.py), each in a process
                          of its own from the environment .venv-bench; left out, with the reason, where they do not run

It asserts nothing.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import sqlalchemy as sa
from place import listen, open_place

from bridle.app import App, open_app
from bridle.core.ids import new_id
from bridle.core.settings import Settings
from bridle.engine.interpreter import interpret
from bridle.engine.position import Position
from bridle.engine.result import Result, Standing
from bridle.engine.work import Worker
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind, Record

Case = Callable[[int], Awaitable[object]]
SHORT, LONG = 10, 30
OTHERS = ("prefect", "langgraph")
PYTHON = Path(__file__).parents[1] / ".venv-bench" / "bin" / "python"
ROWS = sa.Table(
    "bench_rows", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("data", sa.Text)
)
ANSWER = {"state": "succeeded", "note": "", "ignored": False, "record": "rec_0"}


class AnswersAtOnce:
    """A step worker that does and records nothing."""

    async def enter(self, position: Position, standing: Standing) -> dict[str, Any]:
        return {"state": "running"}

    async def leave(self, position: Position, result: Result) -> dict[str, Any]:
        return {"state": "succeeded"}

    async def run_step(self, position: Position, standing: Standing) -> dict[str, Any]:
        return ANSWER

    async def finish(self, result: Result) -> dict[str, Any]:
        return {"state": "succeeded", "note": ""}


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    wall_s: float
    cpu_s: float


def main(kind: str, rounds: int) -> None:
    """Measure and print."""
    with open_place(kind) as settings:
        asyncio.run(_report(settings, kind, rounds))


async def _report(settings: Settings, kind: str, rounds: int) -> None:
    async with open_app(settings) as app, AsyncExitStack() as stack:
        cases = await _list_cases(app)
        for engine in OTHERS:
            try:
                cases[engine] = await stack.enter_async_context(_run_other(engine))
            except NotThere as error:
                print(f"{engine} is left out: {error}")
        taken = await _measure(cases, rounds)
    print(f"{kind}, {rounds} rounds        one more step                 a run of {SHORT}")
    print(f"{'case':<14}{'p50 ms':>10}{'cpu ms':>10}{'x commit':>10}{'x DBOS':>10}{'p50 ms':>12}")
    steps = {name: _one_step(costs) for name, costs in taken.items()}
    for name, cost in steps.items():
        whole = statistics.median(cost.wall_s for cost in taken[name][SHORT])
        ratios = [cost.wall_s / steps[unit].wall_s for unit in ("a commit", "bare DBOS")]
        print(
            f"{name:<14}{cost.wall_s * 1000:>10.2f}{cost.cpu_s * 1000:>10.2f}"
            f"{ratios[0]:>10.1f}{ratios[1]:>10.2f}{whole * 1000:>12.1f}"
        )


def _one_step(costs: Mapping[int, list[Cost]]) -> Cost:
    pairs = list(zip(costs[SHORT], costs[LONG], strict=True))
    wall = statistics.median(long.wall_s - short.wall_s for short, long in pairs)
    cpu = statistics.median(long.cpu_s - short.cpu_s for short, long in pairs)
    return Cost(wall / (LONG - SHORT), cpu / (LONG - SHORT))


async def _measure(cases: Mapping[str, Case], rounds: int) -> dict[str, dict[int, list[Cost]]]:
    taken: dict[str, dict[int, list[Cost]]] = {name: {SHORT: [], LONG: []} for name in cases}
    for turn in range(rounds + 1):
        for name, case in cases.items():
            for length in (SHORT, LONG):
                wall, cpu = time.perf_counter(), time.process_time()
                told = await case(length)
                cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
                if turn:  # the first turn warms up
                    taken[name][length].append(told if isinstance(told, Cost) else cost)
    return taken


class NotThere(Exception):
    """An engine to compare with does not run here."""


@asynccontextmanager
async def _run_other(engine: str) -> AsyncIterator[Case]:
    """Start an engine's own process, which says itself what a run took."""
    if not PYTHON.exists():
        raise NotThere("there is no .venv-bench; bench/README.md says how it is made")
    command = [str(PYTHON), str(Path(__file__).with_name("others.py")), engine]
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    asking, answers, complaints = child.stdin, child.stdout, asyncio.create_task(child.stderr.read())

    async def run(length: int) -> Cost:
        asking.write(f"{length}\n".encode())
        return Cost(**json.loads(await answers.readline()))

    try:
        if not await answers.readline():
            raise NotThere((await complaints).decode().strip().rpartition("\n")[2])
        yield run
    finally:
        asking.close()
        await child.wait()
        complaints.cancel()


class Syncing:
    """Switches whether DBOS waits for the disk, for the connections it takes from now on."""

    STATEMENTS: ClassVar = {
        "sqlite": {True: "PRAGMA synchronous=FULL", False: "PRAGMA synchronous=NORMAL"},
        "postgresql": {True: "SET synchronous_commit = on", False: "SET synchronous_commit = off"},
    }

    def __init__(self, engine: sa.Engine) -> None:
        self.on = False
        self._statements = self.STATEMENTS[engine.dialect.name]
        sa.event.listen(engine, "checkout", self._say)

    def _say(self, connection: Any, record: Any, proxy: Any) -> None:
        if record.info.get("synced") is not self.on:
            connection.cursor().execute(self._statements[self.on])
            connection.commit()
            record.info["synced"] = self.on


async def _list_cases(app: App) -> dict[str, Case]:
    from dbos._dbos import _get_dbos_instance

    plans = {length: plan_nothing(length) for length in (SHORT, LONG)}
    bare, interpreted = _register_workflows()
    syncing = Syncing(_get_dbos_instance()._sys_db.engine)

    async def synced(length: int) -> None:
        syncing.on = True
        await _run(bare, length)
        syncing.on = False

    return {
        "a commit": await _commits(app),
        "bare DBOS": synced,
        "DBOS, unsynced": lambda length: _run(bare, length),
        "interpreter": lambda length: _run(interpreted, plans[length].to_json()),
        "pipeline": _pipelines(app, plans),
    }


async def _commits(app: App) -> Case:
    await app.database.write(lambda connection: ROWS.create(connection))
    insert = ROWS.insert()

    async def commit(length: int) -> None:
        for _ in range(length):
            await app.database.write(lambda connection: connection.execute(insert, {"data": "x" * 400}))

    return commit


def _register_workflows() -> tuple[Any, Any]:
    from dbos import DBOS

    from bridle.adapters.dbos.run import DbosRun

    async def nothing() -> dict[str, Any]:
        return ANSWER

    async def bare(steps: int) -> dict[str, Any]:
        for number in range(steps):
            await DBOS.run_step_async({"name": f"step-{number}", "preemptible": True}, nothing)
        return ANSWER

    worker = cast(Worker, AnswersAtOnce())  # a straight run asks for no more than it answers

    async def interpreted(plan: dict[str, Any]) -> dict[str, Any]:
        return await interpret(
            DbosRun("bench", lambda: interpreted, persists=False), Plan.from_json(plan), worker, {}
        )

    made = [
        DBOS.workflow(name=work.__name__, max_recovery_attempts=None)(work) for work in (bare, interpreted)
    ]
    return made[0], made[1]


async def _run(workflow: Any, argument: Any) -> None:
    from dbos import DBOS, SetWorkflowID

    with SetWorkflowID(new_id("exe")):
        handle: Any = await DBOS.start_workflow_async(workflow, argument)
    await handle.get_result()


def _pipelines(app: App, plans: Mapping[int, Plan]) -> Case:
    ended: asyncio.Queue[Record] = asyncio.Queue()

    def hear(record: Record) -> None:
        if record.kind is Kind.EXECUTION_ENDED:
            ended.put_nowait(record)

    listen(app, hear)

    async def pipeline(length: int) -> None:
        await app.control.start(plans[length], inputs={}, options={}, initiator=app.user)
        record = await ended.get()  # sooner than asking the engine again and again
        if record.body["state"] != "succeeded":
            raise SystemExit(f"nothing to measure: the pipeline ended {record.body}")

    return pipeline


def plan_nothing(length: int) -> Plan:
    """Return a pipeline of steps that wait for 0 s."""
    steps = "".join(f"        - {{id: s{number}, wait: {{duration: 1s}}}}\n" for number in range(length))
    text = f"version: 1\npipeline:\n  id: nothing\n  stages:\n    - id: only\n      steps:\n{steps}"
    plan = json.dumps(read_pipeline(text, source="bench").to_json())
    at_once = plan.replace('"duration_s": 1', '"duration_s": 0')  # a file must say 1s or more
    return Plan.from_json(json.loads(at_once))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sqlite", int(sys.argv[2]) if len(sys.argv) > 2 else 15)
