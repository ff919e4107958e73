"""Calls at the door: what is done, what is refused, what is asked, and how often a yes counts."""

import asyncio
from datetime import timedelta

import pytest

from bridle.core.errors import TrustError
from bridle.delegate.effectors.server import Called
from bridle.gate.approvals import ApprovalState
from bridle.operating import pace
from bridle.operating.session import TaskRequest
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Kind
from bridle.trust.principals import Lifecycle

from .conftest import say

PAY = {"order": "A-1001"}
pytestmark = pytest.mark.parametrize(
    "store_url", ["sqlite"], indirect=True
)  # what differs by store is in test_sessions


async def ask(scene, caller, tool="shop__pay", arguments=PAY):
    answer = await scene.door.call(caller, tool, arguments)
    assert answer.status == "waiting", answer
    return answer.told["approval"]


async def test_what_only_reads_is_done_and_recorded(scene):
    caller = await scene.enter()
    answer = await scene.door.call(caller, "shop__find", {"order": "A-1001"})
    assert (answer.status, answer.value["structured"]) == ("succeeded", {"done": "find"})
    kinds = [record.kind for record in await scene.records(caller, Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME)]
    assert kinds == [Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME]


async def test_what_nobody_vouches_for_is_asked_and_nothing_is_sent(scene):
    caller = await scene.enter()
    await ask(scene, caller, "shop__mail", {"order": "A-1001"})
    assert scene.shop.called == []


async def test_what_the_person_named_is_done_without_a_question(scene):
    caller = await scene.enter(request=TaskRequest("Pay A-1001 back", {}))
    assert (await scene.door.call(caller, "shop__pay", PAY)).status == "succeeded"
    assert (await scene.door.call(caller, "shop__pay", {"order": "A-2002"})).status == "waiting"
    assert list(scene.shop.paid.values()) == ["A-1001"]


async def test_a_yes_counts_once_and_the_third_call_is_a_new_question(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    done = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    again = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert (done.status, again.status) == ("succeeded", "waiting")
    assert again.told["approval"] != approval
    assert len(scene.shop.paid) == 1


async def test_two_calls_with_one_yes_at_the_same_instant_pay_once(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    calls = [scene.door.call(caller, "shop__pay", PAY, approval=approval) for _ in range(5)]
    assert sorted(answer.status for answer in await asyncio.gather(*calls)) == ["succeeded", *["waiting"] * 4]
    assert len(scene.shop.paid) == 1


async def test_a_yes_is_for_the_very_call_it_was_asked_for(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    answer = await scene.door.call(caller, "shop__pay", {"order": "A-2002"}, approval=approval)
    assert (answer.status, answer.told["rule"]) == ("denied", "approval.other-call")
    assert scene.shop.called == []


async def test_a_yes_for_one_tool_opens_no_other(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    answer = await scene.door.call(caller, "shop__wipe", PAY, approval=approval)
    assert answer.told["rule"] == "approval.other-call"


async def test_a_yes_of_another_session_is_none(scene):
    approval = await ask(scene, await scene.enter())
    await scene.approve(approval)
    answer = await scene.door.call(await scene.enter(), "shop__pay", PAY, approval=approval)
    assert (answer.status, answer.told["reason"]) == ("failed", "no-approval")
    assert scene.shop.called == []


async def test_a_call_that_waits_tells_the_agent_why_as_a_refusal_does(scene):
    caller = await scene.enter()
    first, second = [await scene.door.call(caller, "shop__pay", PAY) for _ in range(2)]
    assert (first.status, first.told["rule"]) == ("waiting", "origin.unfounded")
    assert "Nobody vouches for order" in first.told["reason"]
    assert second.told == first.told, "said again for the same question"


async def test_before_the_yes_the_same_call_waits_for_the_same_question(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    answer = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert (answer.status, answer.told["approval"]) == ("waiting", approval)


async def test_after_the_yes_the_same_call_without_it_is_told_that_it_is_approved(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    again = await scene.door.call(caller, "shop__pay", PAY)
    assert (again.status, again.told["approval"], scene.shop.called) == ("waiting", approval, [])
    assert "is approved" in again.told["next"]
    assert f'"bridle_approval": "{approval}"' in again.told["next"]


async def test_after_a_no_the_call_is_denied(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval, ApprovalState.DENIED)
    answer = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert (answer.status, answer.told["rule"]) == ("denied", "approval.refused")


async def test_a_yes_that_nobody_used_in_time_is_none(scene):
    caller = await scene.enter(ttl=timedelta(days=5))
    approval = await ask(scene, caller)
    await scene.approve(approval)
    scene.clock.advance(timedelta(days=2))
    answer = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert (answer.status, answer.told["rule"]) == ("denied", "approval.expired")


async def test_what_cannot_be_undone_is_asked_about_whatever_it_names(scene):
    caller = await scene.enter()
    await ask(scene, caller, "shop__wipe", {"order": "A-1001"})


@pytest.mark.parametrize(
    "name", ["shop__nothing", "git__push", "command", "other__find", "mcp.shop.find", "", "a" * 5000]
)
async def test_a_tool_that_is_none_is_denied_and_recorded(scene, name):
    caller = await scene.enter()
    answer = await scene.door.call(caller, name, {})
    assert (answer.status, answer.told["rule"]) == ("denied", "tool.unknown")
    assert len(await scene.records(caller, Kind.DECIDED)) == 1


async def test_arguments_that_do_not_fit_are_denied_by_the_owners_schema(scene):
    caller = await scene.enter()
    answer = await scene.door.call(caller, "shop__pay", {"order": "A-1001", "note": "and all others"})
    assert (answer.status, answer.told["rule"]) == ("denied", "tool.arguments")


async def test_rules_read_what_a_call_changes_and_what_data_it_is_about(scene):
    caller = await scene.enter()
    await scene.door.call(caller, "shop__note", {"order": "A-1001", "amount": "hello"})
    (record,) = await scene.records(caller, Kind.DECIDED)
    about = record.body["facts"]["action"]
    assert (about["target"], about["datasets"]) == ({"order": "A-1001"}, ["orders"])


async def test_another_note_beside_the_amount_pays_no_second_time_in_any_session(scene):
    asked, note = TaskRequest("Give A-1001 back 9.90 EUR", {}), {"order": "A-1001", "amount": "9.90"}
    caller = await scene.enter(request=asked)
    assert (await scene.door.call(caller, "shop__give", note)).status == "succeeded"
    for who in (caller, await scene.enter(request=asked)):
        answer = await scene.door.call(who, "shop__give", {**note, "key": "once more"})
        assert (answer.status, answer.told["rule"]) == ("waiting", "external.repeated")


async def test_what_is_no_plain_json_or_giant_is_denied_and_recorded_without_it(scene):
    caller, deep = await scene.enter(), {}
    for _ in range(5000):
        deep = {"a": deep}
    for value in ("A" * 1_000_000, "\ud800", float("nan"), 2**60, deep):
        answer = await scene.door.call(caller, "shop__find", {"order": value})
        assert (answer.status, answer.told["rule"]) == ("denied", "tool.arguments")
    assert (await scene.door.call(caller, "shop__\ud800", {})).told["rule"] == "tool.unknown"
    records = await scene.records(caller, Kind.DECIDED)
    assert [len(record.data) < 10_000 for record in records] == [True] * 6


async def test_nobody_sends_a_key_of_their_own(scene):
    caller = await scene.enter()
    answer = await scene.door.call(caller, "shop__pay", {"order": "A-1001", "key": "the same again"})
    assert (answer.status, answer.told["rule"]) == ("denied", "tool.arguments")


async def test_a_lost_answer_of_what_takes_a_key_is_asked_for_again_with_the_same_key(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    scene.shop.answers = [Called("unknown", why="no answer")]
    answer = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert answer.status == "succeeded"
    assert len(scene.shop.called) == 2
    assert len(scene.shop.paid) == 1


async def test_a_lost_answer_of_what_cannot_be_repeated_is_unknown(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller, "shop__mail")
    await scene.approve(approval)
    scene.shop.answers = [Called("unknown", why="no answer")]
    answer = await scene.door.call(caller, "shop__mail", PAY, approval=approval)
    assert answer.status == "unknown"
    assert len(scene.shop.called) == 1


async def test_only_what_the_agent_declares_is_offered(scene):
    scene.shop.tools.append(say("admin"))
    await scene.tools.look("shop")
    offered = {offer.name for offer in await scene.door.offers(await scene.enter())}
    assert offered == {
        "shop__find",
        "shop__pay",
        "shop__wipe",
        "shop__mail",
        "shop__give",
        "shop__note",
        "shop__peek",
    }


async def test_what_the_agent_does_not_declare_is_denied(scene):
    scene.shop.tools.append(say("admin"))
    await scene.tools.look("shop")
    answer = await scene.door.call(await scene.enter(), "shop__admin", {})
    assert answer.told["rule"] == "scope.missing"


@pytest.mark.parametrize("who", ["agent:acme.clerk", "user:ana"])
async def test_who_is_suspended_can_do_nothing_at_the_next_call(scene, who):
    caller = await scene.enter()
    await scene.set_state(who, Lifecycle.SUSPENDED)
    answer = await scene.door.call(caller, "shop__find", {})
    assert answer.status == "denied"
    assert await scene.door.offers(caller) == []


async def test_a_closed_session_lets_nobody_in(scene):
    opened = await scene.open()
    await scene.reception.close(opened.session.id, by="user:ana")
    with pytest.raises(TrustError) as caught:
        await scene.door.enter(opened.secret)
    assert caught.value.reason == "token-unknown"


async def test_a_call_that_entered_before_the_session_was_closed_does_nothing_after(scene):
    caller = await scene.enter()
    await scene.reception.close(caller.session.id, by="user:ana")
    answer = await scene.door.call(caller, "shop__find", {})
    assert answer.status == "denied"
    assert scene.shop.called == []


async def test_a_yes_is_void_once_the_session_is_closed(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    await scene.reception.close(caller.session.id, by="user:ana")
    answer = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert answer.status == "denied"
    assert scene.shop.paid == {}


async def test_an_expired_session_lets_nobody_in(scene):
    opened = await scene.open()
    scene.clock.advance(timedelta(hours=9))
    with pytest.raises(TrustError) as caught:
        await scene.door.enter(opened.secret)
    assert caught.value.reason == "token-expired"


@pytest.mark.parametrize("secret", ["", "brt_forged", "brt_" + "a" * 43])
async def test_a_forged_token_lets_nobody_in(scene, secret):
    await scene.open()
    with pytest.raises(TrustError) as caught:
        await scene.door.enter(secret)
    assert caught.value.reason == "token-unknown"


async def test_the_same_call_that_waits_already_is_asked_once(scene):
    caller = await scene.enter()
    calls = [scene.door.call(caller, "shop__pay", PAY) for _ in range(20)]
    assert len({answer.told["approval"] for answer in await asyncio.gather(*calls)}) == 1


async def test_an_agent_that_only_asks_is_stopped(scene):
    caller = await scene.enter()
    answers = [await scene.door.call(caller, "shop__pay", {"order": f"A-{n}"}) for n in range(60)]
    assert [answer.status for answer in answers].count("waiting") == 50
    assert answers[-1].told["reason"] == "too-many-waiting"


async def test_what_was_done_for_a_wish_is_not_done_again_without_a_person(scene):
    caller = await scene.enter(request=TaskRequest("Pay A-1001 back"))
    first = await scene.door.call(caller, "shop__pay", PAY)
    again = await scene.door.call(caller, "shop__pay", PAY)
    other = await scene.enter(request=TaskRequest("Pay A-1001 back"))
    in_another_session = await scene.door.call(other, "shop__pay", PAY)
    assert (first.status, again.status, in_another_session.status) == ("succeeded", "waiting", "waiting")
    assert len(scene.shop.paid) == 1


async def test_what_is_sent_to_a_tool_that_is_none_is_not_kept(scene):
    caller = await scene.enter()
    await scene.door.call(caller, "shop__nothing", {"text": "A" * 50_000})
    (record,) = await scene.records(caller, Kind.DECIDED)
    assert len(record.data) < 10_000


async def test_an_agent_that_calls_without_end_is_slowed_down(scene, monkeypatch):
    monkeypatch.setattr(pace, "CALLS_A_MINUTE", 3)
    paced = scene.another("here")
    caller = await paced.enter((await scene.open()).secret)
    answers = [await paced.call(caller, "shop__find", {}) for _ in range(5)]
    assert [answer.told.get("reason") for answer in answers] == [None, None, None, *["too-many-calls"] * 2]


async def test_closing_a_session_voids_what_waits(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.reception.close(caller.session.id, by="user:ana")
    assert (await scene.approvals.get(approval)).state is ApprovalState.EXPIRED


async def test_refused_tokens_are_recorded_and_cannot_fill_the_journal(scene):
    opened = await scene.open()
    scene.clock.advance(timedelta(hours=9))
    for secret in [opened.secret, *["brt_forged"] * 50]:
        with pytest.raises(TrustError):
            await scene.door.enter(secret)
    scene.clock.advance(timedelta(minutes=2))
    with pytest.raises(TrustError):
        await scene.door.enter("brt_forged")
    records = await scene.store.journal.read(kinds=(Kind.TOKEN_REFUSED,))
    told = [(record.execution, record.body["reason"], record.body["times"]) for record in records]
    session = opened.session.id
    assert told == [(session, "token-expired", 1), ("", "token-unknown", 1), ("", "token-unknown", 50)]


async def test_all_that_happened_at_the_door_verifies(scene):
    caller = await scene.enter()
    approval = await ask(scene, caller)
    await scene.approve(approval)
    await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    await scene.door.call(caller, "shop__nothing", {})
    await scene.reception.close(caller.session.id, by="user:ana")
    records = await scene.store.journal.read()
    result = verify_journal(records, checkpoints=[], control_plane=scene.store.signer.verifier)
    assert (result.open_intents, result.reports) == ((), 2)  # the look at the server, and the payment
