"""Circuit breakers: what fails again and again is left alone, by everybody, until one action finds it well again."""

import asyncio
from datetime import timedelta

import pytest

from bridle.delegate.effectors.server import Called
from bridle.gate.breakers import CloseCircuit
from bridle.trust.journal import Kind

FILE = """
limits: {changes-an-agent: off, targets-an-agent: off}
breakers:
  servers: {tools: ["mcp.*"], per: server, failures: 3, within: 5m, cool-down: 5m}
  targets: off
"""


@pytest.fixture
def breakers(tmp_path):
    (tmp_path / "limits.yaml").write_text(FILE)


async def look(scene, caller, *, door=None):
    return await (door or scene.door).call(caller, "shop__find", {})


async def pay(scene, caller, order="A-1001", *, door=None):
    asked = await (door or scene.door).call(caller, "shop__pay", {"order": order})
    if asked.status != "waiting":
        return asked
    await scene.approve(asked.told["approval"])
    arguments = {"order": order}
    return await (door or scene.door).call(caller, "shop__pay", arguments, approval=asked.told["approval"])


async def broken(scene, caller, *answers):
    """Let calls fail until the breaker is open."""
    scene.shop.answers = [*(answers or [Called("failed", why="500")] * 3)]
    for _ in range(len(scene.shop.answers)):
        await look(scene, caller)


async def test_after_the_last_failure_nothing_consequential_passes_and_reads_do(scene, breakers):
    caller = await scene.enter()
    await broken(scene, caller)
    answer = await pay(scene, caller)
    assert (answer.status, answer.told["rule"]) == ("denied", "breaker.open")
    assert (await look(scene, caller)).status == "succeeded"
    (opened,) = await scene.store.journal.read(execution="breakers", kinds=(Kind.BREAKER_OPENED,))
    assert (opened.body["breaker"], opened.body["subject"]) == ("servers", "shop")


async def test_once_it_has_cooled_down_exactly_one_of_many_passes_and_its_success_closes(scene, breakers):
    callers = [await scene.enter() for _ in range(4)]
    doors = [scene.another(f"process {number}") for number in range(4)]
    asked = [await scene.door.call(one, "shop__pay", {"order": "A-1001"}) for one in callers]
    for one in asked:
        await scene.approve(one.told["approval"])
    await broken(scene, callers[0])
    scene.clock.advance(timedelta(minutes=5, seconds=1))
    first_called = len(scene.shop.called)
    went, goes_on = asyncio.Event(), asyncio.Event()
    call = scene.shop.call

    async def slow(server, tool, arguments):
        went.set()
        await goes_on.wait()
        return await call(server, tool, arguments)

    scene.shop.call = slow
    calls = [
        asyncio.create_task(
            door.call(caller, "shop__pay", {"order": "A-1001"}, approval=one.told["approval"])
        )
        for door, caller, one in zip(doors, callers, asked, strict=True)
    ]
    done, _ = await asyncio.wait(calls, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 3:
        done, _ = await asyncio.wait(calls, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        done = {one for one in calls if one.done()}
    await went.wait()
    goes_on.set()
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in answers) == ["denied"] * 3 + ["succeeded"]
    assert len(scene.shop.called) - first_called == 1
    scene.shop.call = call
    assert (await pay(scene, callers[0], "A-1002")).status == "succeeded"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_probe_that_fails_opens_it_anew(scene, breakers):
    caller = await scene.enter()
    await broken(scene, caller)
    scene.clock.advance(timedelta(minutes=5, seconds=1))
    scene.shop.answers = [Called("failed", why="500")]
    assert (await pay(scene, caller)).status == "failed"
    scene.clock.advance(timedelta(minutes=4))
    assert (await pay(scene, caller)).told["rule"] == "breaker.open"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_failures_that_lie_apart_open_nothing(scene, breakers):
    caller = await scene.enter()
    for _ in range(4):
        scene.shop.answers = [Called("failed", why="500")]
        await look(scene, caller)
        scene.clock.advance(timedelta(minutes=3))
    assert (await pay(scene, caller)).status == "succeeded"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_an_answer_that_never_came_is_a_failure(scene, breakers):
    caller = await scene.enter()
    await broken(scene, caller, *[Called("unknown", why="lost")] * 9)
    assert (await pay(scene, caller)).told["rule"] == "breaker.open"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_the_gate_denies_says_nothing_about_the_server(scene, breakers):
    caller = await scene.enter()
    for _ in range(5):
        assert (
            await scene.door.call(caller, "shop__give", {"order": "A", "amount": "-1"})
        ).status == "denied"
    assert (await pay(scene, caller)).status == "succeeded"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_breaker_that_is_closed_by_hand_lets_through_again(scene, breakers):
    caller = await scene.enter()
    await broken(scene, caller)
    (opened,) = await scene.ports.facts.limits.circuits.opened()
    await scene.store.journal.append([], [CloseCircuit(opened.id)])
    assert (await pay(scene, caller)).status == "succeeded"
