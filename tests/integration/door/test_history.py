"""What was done before in a session and its case is a fact of the next call, and the sequence rules that ship decide on it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bridle.adapters.rego.bound import BoundPolicy
from bridle.adapters.rego.policy_set import load_policy_set
from bridle.delegate.effectors.server import Called
from bridle.gate.gate import Gate
from bridle.operating.door import Door
from bridle.operating.session import TaskRequest
from bridle.trust.bindings import Binding
from bridle.trust.journal import Kind

from .conftest import describe_cashier

POLICIES = Path(__file__).parents[3] / "policies"
ONCE = POLICIES / "once-per-order.rego"
ACCOUNT = {"payout_tools": ["mcp.shop.pay"], "order_argument": "order"}
PAY = {"order": "A-1001"}
pytestmark = pytest.mark.parametrize(
    "store_url", ["sqlite"], indirect=True
)  # what differs by store is in test_sessions


@pytest.fixture
async def door(scene):
    """The scene's door, with `once-per-order` bound to the whole account."""
    policy = BoundPolicy(
        load_policy_set([POLICIES / "base"]),
        bindings=[Binding(ONCE.name)],
        sets={ONCE.name: load_policy_set([ONCE]).modules},
        account=ACCOUNT,
        timeout_s=10,
    )
    scene.ports.facts.account = ACCOUNT
    yield Door(**{**scene.parts, "gate": Gate(replace(scene.ports, policy=policy))})
    await policy.close()


async def enter(scene, case="case-7"):
    return await scene.enter(request=TaskRequest("Pay A-1001 and A-2002 back", {}), case=case)


async def history_of(scene, caller):
    decided = (await scene.records(caller, Kind.DECIDED))[-1]
    return decided.body["facts"]["history"]


async def test_an_order_is_paid_once_in_a_session(scene, door):
    caller = await enter(scene)
    assert (await door.call(caller, "shop__pay", PAY)).status == "succeeded"
    again = await door.call(caller, "shop__pay", PAY)
    assert (again.status, again.told["rule"]) == ("denied", "once-per-order.repeated")
    assert (await door.call(caller, "shop__pay", {"order": "A-2002"})).status == "succeeded"


async def test_an_order_is_paid_once_in_a_case_whichever_session_asks(scene, door):
    assert (await door.call(await enter(scene), "shop__pay", PAY)).status == "succeeded"
    other = await door.call(await enter(scene), "shop__pay", PAY)
    assert other.told["rule"] == "once-per-order.repeated"
    elsewhere = await door.call(await enter(scene, case="case-8"), "shop__pay", PAY)
    assert elsewhere.status == "waiting"  # not denied; the base set asks about what was done before


async def test_an_order_is_paid_once_however_it_is_spelled(scene, door):
    caller = await enter(scene)
    assert (await door.call(caller, "shop__pay", PAY)).status == "succeeded"
    again = await door.call(caller, "shop__pay", {"order": "#A-1001"})
    assert (again.status, again.told["rule"]) == ("denied", "once-per-order.repeated")


async def test_the_same_call_spelled_otherwise_asks_as_a_repetition_does(scene):
    caller = await enter(scene)
    assert (await scene.door.call(caller, "shop__pay", PAY)).status == "succeeded"
    assert (await scene.door.call(caller, "shop__pay", {"order": "#A-1001"})).status == "waiting"


async def test_calls_that_are_denied_again_and_again_do_not_make_the_history_too_long(scene, door):
    caller = await enter(scene)
    await door.call(caller, "shop__pay", PAY)
    for _ in range(3):
        await door.call(caller, "shop__pay", PAY)
    assert [entry["status"] for entry in await history_of(scene, caller)] == ["succeeded", "denied"]


async def test_a_payment_of_which_nobody_knows_counts(scene, door):
    scene.shop.answers = [Called("unknown", (), None)]
    caller = await enter(scene)
    await door.call(caller, "shop__pay", PAY)
    assert (await door.call(caller, "shop__pay", PAY)).told["rule"] == "once-per-order.repeated"


async def test_the_history_tells_what_lasts_with_its_control_arguments(scene):
    caller = await enter(scene)
    await scene.door.call(caller, "shop__find", PAY)
    await scene.door.call(caller, "shop__pay", PAY)
    await scene.door.call(caller, "shop__wipe", PAY)
    (paid,) = await history_of(scene, caller)
    told = {name: paid[name] for name in ("session", "tool", "status", "approved", "arguments")}
    assert told == {
        "session": caller.session.id,
        "tool": "mcp.shop.pay",
        "status": "succeeded",
        "approved": False,
        "arguments": PAY,
    }


async def test_what_only_reads_has_no_history(scene):
    caller = await enter(scene)
    await scene.door.call(caller, "shop__pay", PAY)
    await scene.door.call(caller, "shop__find", PAY)
    assert await history_of(scene, caller) is None


async def test_a_history_that_is_too_long_is_not_told_by_halves(scene, monkeypatch):
    monkeypatch.setattr("bridle.gate.history.MOST_ENTRIES", 0)
    caller = await enter(scene)
    await scene.door.call(caller, "shop__pay", PAY)
    await scene.door.call(caller, "shop__pay", {"order": "A-2002"})
    assert await history_of(scene, caller) is None


async def test_two_sessions_of_a_case_that_decide_in_the_same_moment_see_each_other(scene, door, monkeypatch):
    both, evaluate, seen = asyncio.Barrier(2), door.gate._on.policy.evaluate, []

    async def evaluate_together(facts):
        answer = await evaluate(facts)
        seen.append(answer)
        if len(seen) <= 2:
            await both.wait()
        return answer

    scene.ports.facts.account = {**ACCOUNT, "payout_tools": ["mcp.shop.pay", "mcp.shop.note"]}
    monkeypatch.setattr(door.gate._on.policy, "evaluate", evaluate_together)
    callers = [await enter(scene), await enter(scene)]
    calls = zip(callers, ("shop__pay", "shop__note"), strict=True)
    answers = await asyncio.gather(*(door.call(caller, tool, PAY) for caller, tool in calls))
    assert sorted(answer.status for answer in answers) == ["denied", "succeeded"]
    assert len(scene.shop.called) == 1


TELLING = """
  see: {effect: read, control: {order: id}, returns: {records: {receipt: address, key: id}}}
  who: {effect: read, control: {key: id}, returns: {registers: {receipt: address}}}
  change: {effect: reversible, control: {order: id}}
  correct: {effect: consequential, control: {order: id, receipt: address}}
  tell: {effect: consequential, control: {receipt: address}}
"""


@pytest.fixture
async def telling(scene):
    """The scene with an agent that looks customers up, changes what is known of them, and writes to them."""
    names = ("see", "who", "change", "correct", "tell")
    await scene.equip(describe_cashier(*(f"mcp.shop.{name}" for name in names)), TELLING, *names)

    async def enter(case=""):
        asked = TaskRequest("Tell the customer of A-1001", {})
        return await scene.enter(uses="acme.cashier@1.0.0", request=asked, case=case)

    async def tell(case, receipt):
        scene.shop.answers = [Called("succeeded", (), {"receipt": receipt})]
        caller = await enter(case)
        await scene.door.call(caller, "shop__see", {"order": "A-1001"})
        return (await scene.door.call(caller, "shop__tell", {"receipt": receipt})).status

    return enter, tell


async def test_what_any_session_wrote_is_no_record_s_word_in_another(scene, telling):
    enter, tell = telling
    changed = {"order": "A-1001", "receipt": "Eve@evil.example"}
    assert (await scene.door.call(await enter("spring"), "shop__change", changed)).status == "succeeded"
    assert await tell("spring", "eve@evil.example") == "waiting"
    assert await tell("spring", "ana@shop.example") == "succeeded"
    assert await tell("autumn", "eve@evil.example") == "waiting"
    assert await tell("", "EVE@evil.example") == "waiting"


async def test_what_a_person_approved_as_it_was_written_is_a_record_s_word_elsewhere(scene, telling):
    enter, tell = telling
    caller, changed = await enter("spring"), {"order": "A-1001", "receipt": "ana@new.example"}
    approval = (await scene.door.call(caller, "shop__correct", changed)).told["approval"]
    await scene.approve(approval)
    assert (await scene.door.call(caller, "shop__correct", changed, approval=approval)).status == "succeeded"
    assert await tell("autumn", "ana@new.example") == "succeeded"


async def test_a_look_up_that_another_session_s_writing_leads_vouches_for_nothing(scene, telling):
    enter, _ = telling
    changed = {"order": "A-1001", "key": "CUS-666"}
    assert (await scene.door.call(await enter(), "shop__change", changed)).status == "succeeded"

    async def tell(owner):
        caller = await enter()
        found = {"key": owner}, {"receipt": f"{owner}@x.example"}
        scene.shop.answers = [Called("succeeded", (), value) for value in found]
        await scene.door.call(caller, "shop__see", {"order": "A-1001"})
        await scene.door.call(caller, "shop__who", {"key": owner})
        return (await scene.door.call(caller, "shop__tell", found[1])).status

    assert [await tell("CUS-1"), await tell("CUS-666")] == ["succeeded", "waiting"]


async def test_what_writes_more_than_can_be_kept_apart_is_not_done(scene, telling):
    enter, _ = telling
    many = ", ".join(f"e{number}@x.example" for number in range(600))
    answer = await scene.door.call(await enter(), "shop__change", {"order": "A-1001", "receipt": many})
    assert (answer.status, answer.told["rule"], scene.shop.called) == ("denied", "origins.too-many", [])
