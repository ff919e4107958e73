"""What many executions at a time cost: ten steps that do nothing in each, begun all at once, next to bare DBOS workflows.

    python bench/many.py [sqlite|postgresql] [EXECUTIONS] [ROUNDS]

Everything is in one process on one store, and the cases take turns. DBOS commits as the product has it, without waiting for the
disk; what the journal writes is synced. An execution's time is from the moment at which all are begun to its end, so that the
p50 holds the wait for the others. CPU is that of this process, all threads. It asserts nothing.

    bare DBOS             a workflow of ten async steps that return a small dictionary
    pipeline              the product whole: steps that wait for 0 s
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from place import listen, open_place
from steps import ANSWER, plan_nothing

from bridle.app import App, open_app
from bridle.core.ids import new_id
from bridle.trust.journal import Kind, Record

STEPS = 10
Case = Callable[[int], Awaitable[list[float]]]


@dataclass(frozen=True)
class Cost:
    """What one round of a case took; `each_s` is how long every execution took, in order."""

    wall_s: float
    cpu_s: float
    each_s: list[float]


def main(kind: str, executions: int, rounds: int) -> None:
    """Measure and print."""
    with open_place(kind) as settings:
        asyncio.run(_report(settings, executions, rounds))


async def _report(settings: Any, executions: int, rounds: int) -> None:
    async with open_app(settings) as app:
        cases = {"bare DBOS": _bare(), "pipeline": _pipelines(app)}
        taken = await _measure(cases, executions, rounds)
    print(f"{executions} executions of {STEPS} steps, {rounds} rounds")
    print(f"{'case':<12}{'wall s':>9}{'steps/s':>9}{'cpu ms/step':>13}{'p50 s':>9}{'p95 s':>9}{'x DBOS':>9}")
    unit = statistics.median(cost.wall_s for cost in taken["bare DBOS"])
    for name, costs in taken.items():
        wall, cpu = (statistics.median(getattr(cost, of) for cost in costs) for of in ("wall_s", "cpu_s"))
        each = sorted(one for cost in costs for one in cost.each_s)
        p50, p95 = (each[int(len(each) * part)] for part in (0.5, 0.95))
        steps = executions * STEPS
        print(
            f"{name:<12}{wall:>9.2f}{steps / wall:>9.0f}{cpu / steps * 1000:>13.2f}"
            f"{p50:>9.2f}{p95:>9.2f}{wall / unit:>9.2f}"
        )


async def _measure(cases: Mapping[str, Case], executions: int, rounds: int) -> dict[str, list[Cost]]:
    taken: dict[str, list[Cost]] = {name: [] for name in cases}
    for case in cases.values():
        await case(1)  # warms up
    for _ in range(rounds):
        for name, case in cases.items():
            wall, cpu = time.perf_counter(), time.process_time()
            each = await case(executions)
            taken[name].append(Cost(time.perf_counter() - wall, time.process_time() - cpu, each))
    return taken


def _bare() -> Case:
    from dbos import DBOS, SetWorkflowID

    async def nothing() -> dict[str, Any]:
        return ANSWER

    @DBOS.workflow(name="bench-bare", max_recovery_attempts=None)
    async def bare(steps: int) -> float:
        for number in range(steps):
            await DBOS.run_step_async({"name": f"step-{number}", "preemptible": True}, nothing)
        return time.perf_counter()

    async def one() -> Any:
        with SetWorkflowID(new_id("exe")):
            return await DBOS.start_workflow_async(bare, STEPS)

    async def run(count: int) -> list[float]:
        begun = time.perf_counter()
        handles = [await one() for _ in range(count)]
        return [await handle.get_result() - begun for handle in handles]

    return run


def _pipelines(app: App) -> Case:
    plan = plan_nothing(STEPS)
    ended: asyncio.Queue[tuple[Record, float]] = asyncio.Queue()

    def hear(record: Record) -> None:
        if record.kind is Kind.EXECUTION_ENDED:
            ended.put_nowait((record, time.perf_counter()))

    listen(app, hear)

    async def run(count: int) -> list[float]:
        begun = time.perf_counter()
        for _ in range(count):
            await app.control.start(plan, inputs={}, options={}, initiator=app.user)
        each = []
        for _ in range(count):
            record, at = await ended.get()
            if record.body["state"] != "succeeded":
                raise SystemExit(f"nothing to measure: a pipeline ended {record.body}")
            each.append(at - begun)
        return each

    return run


if __name__ == "__main__":
    kind, *numbers = sys.argv[1:] or ["sqlite"]
    given = [int(number) for number in numbers]
    main(kind, *(given + [100, 3][len(given) :]))
