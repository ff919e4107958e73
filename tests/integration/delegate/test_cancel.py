"""Cancelling what runs: in the real sandbox, while it waits, and from elsewhere; and that nothing else is touched."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from bridle.core.boundary import Boundary, Limits, Suite
from bridle.core.canonical import Json
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.policy import SandboxResult
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report, Task
from integration.delegate.bench import Bench, FakeSandbox, Origin, build_bench, ended

MAIN, FORK = "exe_1", "exe_1.a"
AT_ONCE_S = 5.0  # the machine may be busy; the commands would take minutes
LONG = Boundary(write=("**",), limits=Limits(wall_s=300))


def value_of(report: Report) -> Mapping[str, Json]:
    assert isinstance(report.value, Mapping)
    return report.value


def command(bench: Bench, script: str, workspace: str = MAIN) -> asyncio.Task[Report]:
    return asyncio.create_task(bench.do("command.run", {"script": script}, workspace=workspace))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


def running(mark: str) -> int:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return sum(line.startswith(f"sleep {mark}") for line in listed.splitlines())


@pytest.fixture
def real(workspaces: Workspaces) -> Bench:
    made = build_bench(workspaces, Bubblewrap())
    made.boundary = LONG
    return made


@pytest.fixture
def mark() -> str:
    return f"{3900 + os.getpid() / 1e6:.6f}"


async def test_a_command_is_killed_with_everything_it_started(real: Bench, mark: str) -> None:
    script = f"echo x > made; trap '' TERM; setsid sleep {mark} & (sleep {mark} &) ; sleep {mark}"
    task = command(real, script)
    await until(lambda: running(mark) == 3)
    began = time.monotonic()
    assert await real.worker.cancel(MAIN) == 1
    report = await task
    assert time.monotonic() - began < AT_ONCE_S
    assert running(mark) == 0
    assert (report.status, value_of(report)["why"], value_of(report)["exit_code"]) == (
        "failed",
        "cancelled",
        -1,
    )
    assert report.facts["tree"] == await real.worker.snapshot(MAIN)
    assert (real.workspaces.folder(MAIN) / "made").exists()


async def test_the_workspace_can_be_used_again(real: Bench, mark: str) -> None:
    task = command(real, f"sleep {mark}")
    await until(lambda: running(mark) == 1)
    await real.worker.cancel(MAIN)
    await task
    assert (await command(real, "true")).status == "succeeded"


async def test_a_cancel_between_start_and_command_lets_nothing_run(real: Bench, mark: str) -> None:
    for delay_s in (0.0, 0.005, 0.02, 0.05, 0.1):
        task = command(real, f"sleep {mark}")
        await asyncio.sleep(delay_s)
        await real.worker.cancel(MAIN)
        async with asyncio.timeout(AT_ONCE_S):
            report = await task
        assert value_of(report)["why"] == "cancelled"
        assert running(mark) == 0


async def test_a_suite_is_killed_and_verifies_nothing(real: Bench, origin: Origin, mark: str) -> None:
    await real.do("git.clone", {"repository": str(origin.path), "branch": "main"}, workspace=MAIN)
    real.boundary = Boundary(write=("**",), suite=Suite(f"sleep {mark}", "*.xml"), limits=LONG.limits)
    tree = await real.worker.snapshot(MAIN)
    task = asyncio.create_task(real.do("workspace.verify", {"tree": tree}, workspace=MAIN))
    await until(lambda: running(mark) == 1)
    assert await real.worker.cancel(MAIN) == 1
    report = await task
    assert (report.status, value_of(report)["reason"]) == ("failed", "cancelled")
    assert running(mark) == 0


async def test_who_waits_for_the_workspace_never_begins(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    async with bench.workspaces.held(MAIN):
        task = command(bench, "true")
        await asyncio.sleep(0.1)
        assert await bench.worker.cancel(MAIN) == 1
        async with asyncio.timeout(AT_ONCE_S):
            report = await task
    assert (report.status, value_of(report)["why"]) == ("failed", "cancelled")
    assert fake_sandbox.policies == []


async def test_nothing_to_cancel_is_no_error_and_not_remembered(bench: Bench) -> None:
    assert await bench.worker.cancel(MAIN) == 0
    assert (await command(bench, "true")).status == "succeeded"


class SlowSandbox(FakeSandbox):
    """A fake whose commands run until they are cancelled; `begun` are their workspaces."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.gone: list[str] = []

    async def run(self, policy, argv, *, stdin=b"", network=None, ended=None):  # type: ignore[no-untyped-def]
        self.begun.append(policy.workspace.name)
        try:
            await super().run(policy, argv)
            await asyncio.sleep(300)
        finally:
            self.gone.append(policy.workspace.name)


@pytest.fixture
def slow() -> SlowSandbox:
    return SlowSandbox()


@pytest.fixture
def slow_bench(workspaces: Workspaces, slow: SlowSandbox) -> Bench:
    return build_bench(workspaces, slow)


async def test_only_the_execution_that_is_named_is_cancelled(slow_bench: Bench, slow: SlowSandbox) -> None:
    names = [MAIN, FORK, "exe_1.b", "exe_10", "exe_2"]
    tasks = {name: command(slow_bench, "x", name) for name in names}
    await until(lambda: len(slow.begun) == len(names))
    assert await slow_bench.worker.cancel(FORK) == 1
    assert value_of(await tasks[FORK])["why"] == "cancelled"
    assert await slow_bench.worker.cancel(MAIN) == 2
    await asyncio.gather(tasks[MAIN], tasks["exe_1.b"])
    assert sorted(slow.gone) == sorted([MAIN, FORK, "exe_1.b"])
    for name in ("exe_10", "exe_2"):
        await slow_bench.worker.cancel(name)
        await tasks[name]


async def test_a_cancel_may_be_said_twice_and_from_another_thread(
    slow_bench: Bench, slow: SlowSandbox
) -> None:
    def elsewhere() -> list[int]:
        return [asyncio.run(slow_bench.worker.cancel(MAIN)) for _ in range(2)]

    task = command(slow_bench, "x")
    await until(lambda: slow.begun != [])
    told = await asyncio.to_thread(elsewhere)
    async with asyncio.timeout(AT_ONCE_S):
        assert value_of(await task)["why"] == "cancelled"
    assert told[0] == 1
    assert slow.gone == [MAIN]


async def test_a_secret_that_a_cancelled_command_wrote_is_masked_and_removed(
    slow_bench: Bench, slow: SlowSandbox
) -> None:
    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        (folder / ".bridle/secret-output").write_text("PASS=open-sesame-42\n")
        return ended()

    slow.behave = behave
    task = command(slow_bench, "x")
    await until(lambda: slow.begun != [])
    await slow_bench.worker.cancel(MAIN)
    await task
    assert "open-sesame-42" not in slow_bench.redactor.redact("it is open-sesame-42")
    assert not (slow_bench.workspaces.folder(MAIN) / ".bridle/secret-output").exists()


async def test_a_model_call_is_left(workspaces: Workspaces, fake_sandbox: FakeSandbox) -> None:
    asked = asyncio.Event()

    async def fake_model(_: Task, __: EffectorContext) -> EffectorResult:
        asked.set()
        await asyncio.sleep(300)
        raise AssertionError

    bench = build_bench(workspaces, fake_sandbox, extra={"model.call": fake_model})
    call: Awaitable[Report] = asyncio.create_task(bench.do("model.call", {}, workspace=""))
    await asked.wait()
    assert await bench.worker.cancel("exe_1") == 1
    async with asyncio.timeout(AT_ONCE_S):
        report = await call
    assert (report.status, value_of(report)["reason"]) == ("failed", "cancelled")
