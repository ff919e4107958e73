"""One piece of business at the door: tried by one at a time, whoever tries it, and done once."""

import asyncio

import pytest

from bridle.core.errors import UnavailableError
from bridle.delegate.effectors.server import Called

from .conftest import FakeCrash, describe_cashier

ENTRY = """
  refund:
    effect: consequential
    recovery: keyed
    key: key
    once: [order, amount]
    risk: low
    arguments:
      required: [order, amount, key]
      properties: {order: {type: string}, amount: {type: string}, key: {type: string}}
    control: {order: id, amount: amount}
"""
AGENT = describe_cashier("mcp.shop.refund", "mcp.shop.note")
REFUND = {"order": "A-1", "amount": "12.50"}
NOTE = {"order": "A-1"}
LOST = Called("unknown", why="the connection was closed")


pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def scene(scene):
    await scene.equip(AGENT, ENTRY, "refund")
    return scene


async def enter(scene):
    return await scene.enter(uses="acme.cashier@1.0.0")


async def refund(scene, caller, **changes):
    return await scene.door.call(caller, "shop__refund", {**REFUND, **changes})


async def test_what_was_done_once_is_done_for_every_session_however_it_is_spelled(scene):
    first = await enter(scene)
    assert (await refund(scene, first)).status == "succeeded"
    again = await refund(scene, await enter(scene), order="#A-1", amount="12.5")
    assert (again.status, again.told["rule"]) == ("denied", "recovery.done")
    assert len(scene.shop.called) == 1


@pytest.mark.parametrize(
    "spelling",
    [
        {"amount": "12.50 EUR"},
        {"amount": "€12.50"},
        {"amount": "12.500"},
        {"order": "A-1 "},
        {"order": "##A-1"},
        {"order": "A-1\u200b"},
        {"order": "a-1"},
        {"order": ""},
    ],
)
async def test_no_spelling_makes_the_same_business_a_new_one(scene, spelling):
    caller = await enter(scene)
    assert (await refund(scene, caller)).status == "succeeded"
    again = await refund(scene, caller, **spelling)
    assert (again.status, again.told["rule"][:8]) == ("denied", "recovery")
    assert len(scene.shop.called) == 1


async def test_another_spelling_of_a_call_of_which_nobody_knows_is_not_sent(scene):
    scene.shop.answers = [LOST] * 3
    caller = await enter(scene)
    await scene.door.call(caller, "shop__note", NOTE)
    again = await scene.door.call(caller, "shop__note", {"order": "#A-1"})
    assert again.told["rule"] == "recovery.open"


async def test_another_amount_is_another_piece_of_business_with_another_key(scene):
    caller = await enter(scene)
    await refund(scene, caller)
    assert (await refund(scene, caller, amount="13.00")).status == "succeeded"
    assert len({arguments["key"] for _, arguments in scene.shop.called}) == 2


async def test_while_nobody_can_tell_what_became_of_it_no_session_tries_it(scene):
    scene.shop.answers = [LOST] * 3  # a keyed call is asked for twice more
    assert (await refund(scene, await enter(scene))).status == "unknown"
    again = await refund(scene, await enter(scene))
    assert (again.status, again.told["rule"]) == ("denied", "recovery.open")
    assert len({arguments["key"] for _, arguments in scene.shop.called}) == 1


async def test_the_whole_call_is_the_business_where_the_owner_names_nothing(scene):
    first, second = await enter(scene), await enter(scene)
    scene.shop.answers = [LOST]
    assert (await scene.door.call(first, "shop__note", NOTE)).status == "unknown"
    assert (await scene.door.call(second, "shop__note", NOTE)).told["rule"] == "recovery.open"
    assert (await scene.door.call(second, "shop__note", {"order": "A-2"})).status == "succeeded"
    assert (await scene.door.call(second, "shop__note", {"order": "A-2"})).status == "succeeded"


async def test_what_failed_frees_it_and_the_next_one_sends_the_same_key(scene):
    scene.shop.answers = [Called("failed", why="closed on sundays")]
    assert (await refund(scene, await enter(scene))).status == "failed"
    assert (await refund(scene, await enter(scene))).status == "succeeded"
    one, other = [arguments["key"] for _, arguments in scene.shop.called]
    assert one == other


async def test_what_could_not_be_begun_frees_it(scene):
    caller = await enter(scene)
    scene.shop.answers = [UnavailableError("the shop is away")]
    assert (await refund(scene, caller)).status == "failed"
    assert (await refund(scene, caller)).status == "succeeded"


async def test_what_a_process_began_and_did_not_end_is_nobodys_to_repeat(scene):
    first, second = await scene.open(uses="acme.cashier@1.0.0"), await enter(scene)
    scene.shop.answers = [FakeCrash()]
    with pytest.raises(FakeCrash):
        await refund(scene, await scene.door.enter(first.secret))
    assert (await refund(scene, second)).told["rule"] == "recovery.open"
    await scene.another("there").enter(first.secret)  # it takes the session over: nobody can tell
    assert "unknown" in (await refund(scene, second)).told["reason"]


async def test_of_two_processes_that_race_for_one_piece_of_business_one_sends_it(scene, monkeypatch):
    callers = [await enter(scene) for _ in range(2)]
    policy, judged, both = scene.ports.policy, [], asyncio.Event()
    evaluate = policy.evaluate

    async def wait_for_both(facts):
        answer = await evaluate(facts)
        if facts["action"]["tool"] == "mcp.shop.refund":
            judged.append(answer)
            if len(judged) == 2:
                both.set()
            await asyncio.wait_for(both.wait(), 10)
        return answer

    monkeypatch.setattr(policy, "evaluate", wait_for_both)
    answers = await asyncio.gather(*[refund(scene, caller) for caller in callers])
    assert sorted(answer.status for answer in answers) == ["denied", "succeeded"]
    assert len(judged) == 3  # the one that came second was judged anew
    assert len(scene.shop.called) == 1
