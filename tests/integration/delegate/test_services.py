"""Background services at the delegate: whom they belong to, who reaches them, and what is left of them."""

from __future__ import annotations

import asyncio

import pytest

from bridle.core.boundary import Boundary
from bridle.core.errors import TrustError
from bridle.delegate.sandbox.policy import Network
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report
from integration.delegate.bench import Bench, FakeSandbox, build_bench, ended

COPY = "exe_1.5e7f1ce"
STARTS = {"script": "serve", "source": "exe_1", "until": "s"}


class Wire(Network):
    """A fake network, which leads nowhere at all."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class WiredSandbox(FakeSandbox):
    """A fake: a script with `serve` in it runs until it is told to end; `joined` are the networks of all that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.wires: list[Wire] = []
        self.joined: list[Network | None] = []

    async def run(self, policy, argv, *, stdin=b"", network=None, ended=None):  # type: ignore[no-untyped-def]
        self.joined.append(network)
        result = await super().run(policy, argv)
        if "serve" not in argv[-1]:
            return result
        await ended.wait()
        return _stopped()

    async def open_network(self) -> Network:
        self.wires.append(Wire())
        return self.wires[-1]


def _stopped():  # type: ignore[no-untyped-def]
    return ended(-1, stdout=b"it served\n", why="stopped")


@pytest.fixture
def wired(workspaces: Workspaces) -> Bench:
    made = build_bench(workspaces, WiredSandbox())
    made.boundary = Boundary(write=("**",), services="s")
    return made


async def start(bench: Bench, step: str = "s/web", *, source: str = "exe_1") -> Report:
    key, arguments = f"exe_1/{step}#0.0", {**STARTS, "source": source}
    report = await bench.do("command.start", arguments, key=key, principal="user:ana", workspace=COPY)
    await asyncio.sleep(0)  # the service begins
    return report


async def run(bench: Bench, *, execution: str = "exe_1", principal: str = "user:ana") -> Report:
    fields = {"key": f"{execution}/s/t#0.0", "workspace": execution}
    return await bench.do("command.run", {"script": "true"}, principal=principal, **fields)


async def stop(bench: Bench) -> Report:
    fields = {"key": "exe_1/s/web/ended#0.0", "workspace": COPY}
    return await bench.do("command.stop", {"service": "s/web"}, principal="user:ana", **fields)


async def test_a_command_of_the_stage_is_in_the_network_of_its_service(wired: Bench) -> None:
    assert (await start(wired)).status == "succeeded"
    assert (await run(wired)).status == "succeeded"
    sandbox = wired.context.sandbox
    assert isinstance(sandbox, WiredSandbox)
    assert sandbox.joined == [sandbox.wires[0], sandbox.wires[0]]
    assert (await stop(wired)).value == {
        "why": "stopped",
        "exit_code": -1,
        "stdout": "it served\n",
        "stderr": "",
        "truncated": False,
    }
    assert sandbox.wires[0].closed
    assert not wired.workspaces.is_here(COPY)


async def test_a_service_works_in_a_copy(wired: Bench) -> None:
    (wired.workspaces.folder("exe_1") / "page").write_text("one")
    await start(wired)
    assert (wired.workspaces.folder(COPY) / "page").read_text() == "one"
    (wired.workspaces.folder(COPY) / "page").write_text("two")
    assert (wired.workspaces.folder("exe_1") / "page").read_text() == "one"


async def test_asked_for_twice_it_is_begun_once(wired: Bench) -> None:
    await start(wired)
    await start(wired)
    assert await wired.worker.running("exe_1") == 1


async def test_an_agents_command_reaches_no_service(wired: Bench) -> None:
    await start(wired)
    with pytest.raises(TrustError, match="reaches no service"):
        await run(wired, principal="agent:bridle.fixer")


async def test_another_execution_does_not_reach_it(wired: Bench) -> None:
    await start(wired)
    report = await run(wired, execution="exe_2")
    assert (report.status, report.value["reason"]) == ("failed", "no-service-here")  # type: ignore[index,call-overload]


async def test_a_copy_of_another_executions_workspace_is_refused(wired: Bench) -> None:
    with pytest.raises(TrustError, match="does not belong to the execution"):
        await start(wired, source="exe_2")


async def test_nothing_begins_where_no_network_can_be_shared(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    bench.boundary = Boundary(write=("**",), services="s")
    report = await start(bench)
    assert (report.status, fake_sandbox.argv) == ("failed", [])


async def test_a_cancel_ends_it_and_what_it_printed_can_still_be_had(wired: Bench) -> None:
    await start(wired)
    assert await wired.worker.cancel("exe_1") == 1
    while await wired.worker.running("exe_1"):  # noqa: ASYNC110 - nothing tells of an end
        await asyncio.sleep(0)
    assert (await stop(wired)).value["stdout"] == "it served\n"  # type: ignore[index,call-overload]
    assert (await stop(wired)).value == {"why": "gone"}
