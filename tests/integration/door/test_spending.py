"""Spend caps and lists of hosts: what stands in code before anybody is asked, and holds over processes."""

import asyncio

import pytest

from bridle.delegate.effectors.server import Called


async def approved(scene, caller, **arguments):
    """Ask for a payment, and have it approved; return its approval."""
    asked = await ask(scene, caller, **arguments)
    assert asked.status == "waiting", asked
    await scene.approve(asked.told["approval"])
    return asked.told["approval"]


async def ask(scene, caller, **arguments):
    return await scene.door.call(caller, "shop__give", {"order": "A-1001", **arguments})


async def give(scene, caller, amount, *, door=None):
    approval = await approved(scene, caller, amount=amount)
    arguments = {"order": "A-1001", "amount": amount}
    return await (door or scene.door).call(caller, "shop__give", arguments, approval=approval)


@pytest.mark.parametrize("amount", ["50.01", "-1", "0", "1e9", "١٢", "12,50", " 5", "NaN", "5.00001"])
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_one_call_may_not_spend_is_denied_before_anybody_is_asked(scene, amount):
    answer = await scene.door.call(await scene.enter(), "shop__give", {"order": "A-1001", "amount": amount})
    assert (answer.status, answer.told["rule"]) == ("denied", "spend.per-call")


async def test_what_a_session_has_left_is_all_that_is_sent(scene):
    caller = await scene.enter()
    early = await approved(scene, caller, amount="30.00")  # there is room when people say yes
    answers = [await give(scene, caller, "40.00") for _ in range(2)]
    answers.append(
        await scene.door.call(caller, "shop__give", {"order": "A-1001", "amount": "30.00"}, approval=early)
    )
    assert [answer.status for answer in answers] == ["succeeded", "succeeded", "denied"]
    assert answers[2].told["rule"] == "spend.used-up"
    assert len(scene.shop.called) == 2


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_nobody_is_asked_about_what_can_no_longer_be_paid(scene):
    caller = await scene.enter()
    for _ in range(2):
        await give(scene, caller, "40.00")
    answer = await ask(scene, caller, amount="40.00")
    assert (answer.status, answer.told["rule"]) == ("denied", "spend.used-up")


async def test_two_processes_that_race_for_what_is_left_pay_it_once(scene):
    first, second = await scene.enter(), await scene.enter()
    await give(scene, first, "50.00")
    await give(scene, first, "40.00")  # 30 of the day's 120 are left
    callers = [first, second, second]
    approvals = [
        await approved(scene, caller, amount="10.00" if caller is first else "20.00")
        for caller in callers[:2]
    ]
    approvals.append(await approved(scene, second, amount="30.00"))
    doors = [scene.door, scene.another("there"), scene.another("elsewhere")]
    amounts = ["10.00", "20.00", "30.00"]
    answers = await asyncio.gather(
        *(
            door.call(caller, "shop__give", {"order": "A-1001", "amount": amount}, approval=approval)
            for door, caller, amount, approval in zip(doors, callers, amounts, approvals, strict=True)
        )
    )
    paid = [amount for answer, amount in zip(answers, amounts, strict=True) if answer.status == "succeeded"]
    assert paid in (["10.00", "20.00"], ["30.00"])


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_has_failed_is_given_back_and_what_is_unknown_is_not(scene):
    caller = await scene.enter()
    scene.shop.answers = [Called("failed", why="no"), Called("unknown", why="lost")]
    outcomes = [(await give(scene, caller, amount)).status for amount in ("50.00", "50.00", "49.99")]
    assert outcomes == ["failed", "unknown", "succeeded"]
    assert (await ask(scene, caller, amount="50.00")).status == "denied"


@pytest.mark.parametrize("receipt", ["lena@example.com", "a@shop.example.org", "LENA@EXAMPLE.COM"])
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_a_listed_host_may_be_named(scene, receipt):
    await approved(scene, await scene.enter(), amount="5.00", receipt=receipt)


@pytest.mark.parametrize(
    "receipt",
    [
        "audit@evil.example",
        "a@example.com.evil.example",
        "a@notexample.com",
        "a@example.org",
        "a@example.com, b@evil.example",
        "Lena <lena@example.com>",
        "https://example.com@evil.example/",
        "https://evil.example/?example.com",
        "a@exаmple.com",
        "a@example.com\n",
        "b%evil.example@example.com",
        "",
    ],
)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_any_other_host_is_denied_before_anybody_is_asked(scene, receipt):
    arguments = {"order": "A-1001", "amount": "5.00", "receipt": receipt}
    answer = await scene.door.call(await scene.enter(), "shop__give", arguments)
    assert (answer.status, answer.told["rule"]) == ("denied", "domain.not-listed")
