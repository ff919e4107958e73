"""What executions that wait for a person cost: memory, an idle process, and the way from the verdict to the step's end.

    python bench/waiting.py [sqlite|postgresql] [WAITERS] [IDLE_S]

Each case is a process of its own, one after the other, on a store of its own, so that memory is its own. Waiters stay resident:
each is a workflow that waits for a message. An answer's time is taken for one waiter after the other, while all others go on
waiting. CPU is that of this process, all threads, not of the database server. It asserts nothing.

    bare DBOS             a workflow that waits in recv, then runs one step that does nothing; the answer is a send
    pipeline              the product whole: an approval step; from give_verdict to the record that the step has ended
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from place import listen, open_place
from steps import ANSWER

from bridle.app import App, open_app
from bridle.core.clock import SystemClock
from bridle.core.ids import new_id
from bridle.core.settings import Settings
from bridle.engine.control import Verdict, find_open
from bridle.pipeline.read import read_pipeline
from bridle.trust.journal import Kind, Record

Begin: TypeAlias = Callable[[int], Awaitable[None]]
Answer: TypeAlias = Callable[[], Awaitable[float]]
ANSWERS = 20
SETTLE_S = 3.0  # what was begun last is still being written down
PIPELINE = """version: 1
pipeline:
  id: waits
  stages:
    - id: only
      steps:
        - {id: ask, approval: {with: {message: go on?, timeout: 1d}}}
"""


@dataclass(frozen=True)
class Cost:
    """What the waiters of one case took; `answers_s` is the time of each answer."""

    begin_s: float
    memory_kb: float
    idle_cores: float
    answers_s: list[float]


def main(kind: str, waiters: int, idle_s: int) -> None:
    """Measure and print."""
    print(f"{kind}, {waiters} waiters, idle for {idle_s} s")
    print(f"{'case':<12}{'begun in s':>11}{'KB each':>9}{'idle cores':>12}{'answer p50 ms':>15}{'worst':>8}")
    for case in CASES:
        cost = _in_a_child(case, kind, waiters, idle_s)
        answers = [answer * 1000 for answer in cost.answers_s]
        print(
            f"{case:<12}{cost.begin_s:>11.1f}{cost.memory_kb:>9.1f}{cost.idle_cores:>12.3f}"
            f"{statistics.median(answers):>15.0f}{max(answers):>8.0f}",
            flush=True,
        )


def _in_a_child(case: str, kind: str, waiters: int, idle_s: int) -> Cost:
    command = [sys.executable, __file__, "--child", case, kind, str(waiters), str(idle_s)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case} broke:\n{done.stderr}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


async def _measure(case: str, settings: Settings, waiters: int, idle_s: int) -> Cost:
    async with open_app(settings) as app:
        begin, answer = await CASES[case](app)
        await begin(1)  # warms up
        before, begun = _memory_kb(), time.perf_counter()
        await begin(waiters)
        took = time.perf_counter() - begun
        await asyncio.sleep(SETTLE_S)
        each = (_memory_kb() - before) / waiters
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(idle_s)
        idle = (time.process_time() - cpu) / (time.perf_counter() - wall)
        answers = [await answer() for _ in range(min(ANSWERS, waiters))]
        return Cost(took, each, idle, answers)


def _memory_kb() -> float:
    gc.collect()
    status = Path("/proc/self/status").read_text("ascii")
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


async def _bare(app: App) -> tuple[Begin, Answer]:
    from dbos import DBOS, SetWorkflowID

    waiting: list[Any] = []

    async def nothing() -> dict[str, Any]:
        return ANSWER

    @DBOS.workflow(name="bench-waiter", max_recovery_attempts=None)
    async def waiter() -> float:
        await DBOS.recv_async(topic="wake", timeout_seconds=86_400)
        await DBOS.run_step_async({"name": "after"}, nothing)
        return time.perf_counter()

    async def begin(count: int) -> None:
        for _ in range(count):
            with SetWorkflowID(new_id("exe")):
                waiting.append(await DBOS.start_workflow_async(waiter))

    async def answer() -> float:
        handle = waiting.pop()
        begun = time.perf_counter()
        await DBOS.send_async(handle.workflow_id, {"wake": ""}, topic="wake")
        return float(await handle.get_result(polling_interval_sec=0.05) - begun)

    return begin, answer


async def _pipelines(app: App) -> tuple[Begin, Answer]:
    plan = read_pipeline(PIPELINE, source="bench")
    asked: asyncio.Queue[Record] = asyncio.Queue()
    ended: asyncio.Queue[tuple[str, float]] = asyncio.Queue()

    def hear(record: Record) -> None:
        if record.kind is Kind.APPROVAL_REQUESTED:
            asked.put_nowait(record)
        if record.kind is Kind.STEP_ENDED:
            ended.put_nowait((record.execution, time.perf_counter()))

    listen(app, hear)
    waiting: list[str] = []

    async def begin(count: int) -> None:
        for _ in range(count):
            await app.control.start(plan, inputs={}, options={}, initiator=app.user)
        for _ in range(count):
            waiting.append((await asked.get()).execution)

    async def answer() -> float:
        execution = waiting.pop()
        found = await find_open(app.approvals, now=SystemClock().now(), execution=execution)
        begun = time.perf_counter()
        await app.control.give_verdict(found[0].id, Verdict(approved=True, by=app.user))
        who, at = await ended.get()
        if who != execution:
            raise SystemExit(f"nothing to measure: {who} ended while {execution} was answered")
        return at - begun

    return begin, answer


CASES = {"bare DBOS": _bare, "pipeline": _pipelines}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        case, kind, *numbers = sys.argv[2:]
        with open_place(kind) as settings:
            measured = asyncio.run(_measure(case, settings, int(numbers[0]), int(numbers[1])))
        print(json.dumps(vars(measured)))
    else:
        kind, *numbers = sys.argv[1:] or ["postgresql"]
        given = [int(number) for number in numbers]
        main(kind, *(given + [1000, 30][len(given) :]))
