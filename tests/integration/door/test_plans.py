"""Plans of calls: approved once, for exactly the calls that they name, in their order, each once."""

import asyncio
from datetime import timedelta

import pytest

from bridle.delegate.effectors.server import Called
from bridle.engine.answering import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.operating.proposals import PlanCall
from bridle.surfaces.cli.show_plan import show_plan
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, JournalError, Kind, seal, unseal

from .conftest import say

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
FIND = PlanCall("shop__find", {"order": "A-1"})
PAY = PlanCall("shop__pay", {"order": "A-1"})
MAIL = PlanCall("shop__mail", {"order": "A-1"})
WIPE = PlanCall("shop__wipe", {"order": "A-1"})


async def propose(scene, caller, *calls):
    answer = await scene.door.propose(caller, calls, message="as the customer wants")
    assert answer.status == "waiting", answer
    return answer.told["plan"]


async def plan_of(scene, plan):
    (record,) = await scene.store.journal.read(subject=plan, kinds=(Kind.PLAN_PROPOSED,))
    return record.body


async def approve(scene, plan, *, approved=True):
    await scene.desk().give(plan, Verdict(approved, await scene.parts["principals"].get("user:ana")))


async def approved(scene, *calls, **changes):
    caller = await scene.enter(**changes)
    plan = await propose(scene, caller, *calls)
    await approve(scene, plan)
    return caller, plan


async def make(scene, caller, call, *, door=None, approval=""):
    return await (door or scene.door).call(caller, call.tool, call.arguments, approval=approval)


async def test_the_calls_of_an_approved_plan_run_without_another_question(scene):
    caller, plan = await approved(scene, FIND, PAY, MAIL)
    answers = [await make(scene, caller, call) for call in (FIND, PAY, MAIL)]
    assert [answer.status for answer in answers] == ["succeeded"] * 3
    (end,) = await scene.records(caller, Kind.PLAN_ENDED)
    assert (end.subject, end.body) == (plan, {"why": "", "void": []})


async def test_people_read_every_call_with_its_origins_its_risk_and_its_rules(scene):
    caller = await scene.enter()
    await propose(scene, caller, FIND, PAY)
    (record,) = await scene.records(caller, Kind.PLAN_PROPOSED)
    find, pay = record.body["calls"]
    assert (find["decision"], find["approval"], pay["risk"]) == ("allow", "", "medium")
    assert [rule["rule"] for rule in pay["rules"]] == ["origin.unfounded", "origin.unvouched"]
    assert pay["origins"][0]["value"] == "A-1"
    shown = show_plan(record)
    assert 'mcp.shop.pay {"key":' in shown
    assert "no rule asks about it" in shown


async def test_before_the_yes_a_call_of_the_plan_waits_for_the_plan_s_question(scene):
    caller = await scene.enter()
    plan = await propose(scene, caller, PAY, MAIL)
    asked = [call["approval"] for call in (await plan_of(scene, plan))["calls"]]
    answer = await make(scene, caller, PAY)
    assert (answer.status, answer.told["approval"]) == ("waiting", asked[0])
    assert scene.shop.called == []


async def test_one_open_request_of_it_is_enough_for_none_of_it_to_run(scene):
    caller = await scene.enter()
    plan = await propose(scene, caller, PAY, MAIL)
    await scene.approve((await plan_of(scene, plan))["calls"][0]["approval"])
    assert (await make(scene, caller, PAY)).status == "waiting"
    assert scene.shop.called == []


async def test_each_call_of_a_plan_passes_once(scene):
    caller, _ = await approved(scene, PAY, MAIL)
    answers = [await make(scene, caller, call) for call in (PAY, PAY, MAIL, MAIL)]
    assert [answer.status for answer in answers] == ["succeeded", "waiting", "succeeded", "waiting"]


async def test_the_same_call_at_the_same_instant_passes_once(scene):
    caller, _ = await approved(scene, PAY, MAIL)
    answers = await asyncio.gather(*(make(scene, caller, PAY) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == ["succeeded", *["waiting"] * 4]


async def test_a_call_out_of_its_turn_is_asked_about(scene):
    caller, _ = await approved(scene, PAY, MAIL)
    answer = await make(scene, caller, MAIL)
    assert answer.status == "waiting"
    assert scene.shop.called == []


async def test_naming_its_request_brings_no_call_forward(scene):
    caller, plan = await approved(scene, PAY, MAIL)
    second = (await plan_of(scene, plan))["calls"][1]["approval"]
    answer = await make(scene, caller, MAIL, approval=second)
    assert (answer.status, answer.told["reason"]) == ("failed", "out-of-turn")
    assert scene.shop.called == []


async def test_other_arguments_are_another_call(scene):
    caller, _ = await approved(scene, MAIL)
    others = [{"order": "A-2"}, {"order": "A-1", "amount": "1"}, {}]
    answers = [await make(scene, caller, PlanCall("shop__mail", arguments)) for arguments in others]
    assert [answer.status for answer in answers] == ["waiting"] * 3
    assert scene.shop.called == []


async def test_a_plan_of_one_session_is_none_of_another(scene):
    await approved(scene, PAY)
    assert (await make(scene, await scene.enter(), PAY)).status == "waiting"


async def test_what_cannot_be_undone_is_asked_about_on_its_own_in_a_plan_too(scene):
    caller, plan = await approved(scene, PAY, WIPE, MAIL)
    wipe = (await plan_of(scene, plan))["calls"][1]
    assert ("stop.planned" in [rule["rule"] for rule in wipe["rules"]], wipe["approval"]) == (True, "")
    await make(scene, caller, PAY)
    asked = await make(scene, caller, WIPE)
    assert asked.status == "waiting"
    await scene.approve(asked.told["approval"])
    assert (await make(scene, caller, WIPE, approval=asked.told["approval"])).status == "succeeded"
    assert (await make(scene, caller, MAIL)).status == "succeeded"


async def test_after_a_no_the_calls_are_asked_about_as_ever(scene):
    caller = await scene.enter()
    plan = await propose(scene, caller, PAY, MAIL)
    await approve(scene, plan, approved=False)
    assert [(await make(scene, caller, call)).status for call in (PAY, MAIL)] == ["waiting"] * 2
    assert scene.shop.called == []


async def test_a_plan_that_nobody_used_in_time_is_void(scene):
    caller, _ = await approved(scene, PAY, ttl=timedelta(days=5))
    scene.clock.advance(timedelta(days=2))
    assert (await make(scene, caller, PAY)).status == "waiting"


async def test_a_tool_that_is_another_by_now_voids_the_plan(scene, tmp_path):
    caller, plan = await approved(scene, PAY, MAIL)
    entries = tmp_path / "tools" / "shop.yaml"
    entries.write_text(entries.read_text().replace("risk: medium", "risk: high"))
    answer = await make(scene, caller, PAY)
    assert answer.status == "waiting"
    (end,) = await scene.records(caller, Kind.PLAN_ENDED)
    assert (end.subject, end.body["why"]) == (plan, "what was approved has changed")
    assert (await make(scene, caller, MAIL)).status == "waiting"
    assert scene.shop.called == []


async def test_a_call_that_fails_ends_the_plan(scene):
    caller, _ = await approved(scene, MAIL, PAY)
    scene.shop.answers = [Called("failed", why="no")]
    assert (await make(scene, caller, MAIL)).status == "failed"
    assert (await make(scene, caller, PAY)).status == "waiting"


async def test_a_plan_holds_when_another_process_serves_the_session(scene):
    opened = await scene.open()
    caller = await scene.door.enter(opened.secret)
    plan = await propose(scene, caller, PAY, MAIL)
    await approve(scene, plan)
    await make(scene, caller, PAY)
    other = scene.another("there")
    caller = await other.enter(opened.secret)
    answers = [await make(scene, caller, call, door=other) for call in (MAIL, PAY)]
    assert [answer.status for answer in answers] == ["succeeded", "waiting"]


async def test_closing_the_session_voids_what_is_left(scene):
    caller, plan = await approved(scene, PAY)
    await scene.reception.close(caller.session.id, by="user:ana")
    assert (await make(scene, caller, PAY)).status == "denied"
    asked = (await plan_of(scene, plan))["calls"][0]["approval"]
    assert (await scene.approvals.get(asked)).state is ApprovalState.EXPIRED


async def test_the_same_plan_proposed_again_is_the_same_question(scene):
    caller = await scene.enter()
    assert await propose(scene, caller, PAY, MAIL) == await propose(scene, caller, PAY, MAIL)


async def test_a_plan_with_a_call_that_is_denied_is_refused_whole(scene):
    scene.shop.tools.append(say("admin"))
    await scene.tools.look("shop")
    caller = await scene.enter()
    answer = await scene.door.propose(caller, [PAY, PlanCall("shop__admin", {})])
    assert (answer.status, answer.told["rule"], answer.told["call"]) == ("denied", "scope.missing", 2)
    assert await scene.approvals.find(execution=caller.session.id) == []


async def test_what_can_be_no_plan_is_refused_with_its_reason(scene):
    caller = await scene.enter()
    wrong = [
        ([], "bad-plan"),
        ([PAY] * 21, "bad-plan"),
        ([FIND], "nothing-to-approve"),
        ([PlanCall("bridle_plan", {})], "tool-unknown"),
        ([PlanCall("shop__pay", {"order": "A-1", "key": "mine"})], "key-is-not-yours"),
        ([PlanCall("shop__pay", {"order": "A" * 100_000})], "bad-plan"),
    ]
    answers = [await scene.door.propose(caller, calls) for calls, _ in wrong]
    assert [answer.told["reason"] for answer in answers] == [reason for _, reason in wrong]


async def test_the_audit_finds_a_call_that_was_made_out_of_its_turn(scene):
    caller, plan = await approved(scene, PAY, MAIL)
    assert [(await make(scene, caller, call)).status for call in (PAY, MAIL)] == ["succeeded"] * 2
    records = await scene.store.journal.read()
    assert verify(records, scene).open_intents == ()
    first = (await plan_of(scene, plan))["calls"][0]["key"]
    with pytest.raises(JournalError, match="comes before it"):
        verify(without(records, what_became_of=first), scene)


def verify(records, scene):
    return verify_journal(records, checkpoints=[], control_plane=scene.store.signer.verifier)


def without(records, *, what_became_of):
    """The same journal, sealed anew without what became of one action."""
    kept, previous = [], "0" * 64
    for record in records:
        if record.kind in (Kind.INTENDED, Kind.OUTCOME) and record.subject == what_became_of:
            continue
        entry = Entry(record.kind, record.execution, record.subject, record.body)
        sealed = seal(
            seq=len(kept), record_id=record.id, at=record.at, entry=entry, raw=record.raw, previous=previous
        )
        kept.append(unseal(sealed.data, sealed.hash))
        previous = sealed.hash
    return kept


async def test_a_plan_with_the_same_call_twice_is_finished(scene):
    caller, plan = await approved(scene, MAIL, MAIL, PAY)
    rules = [[rule["rule"] for rule in call["rules"]] for call in (await plan_of(scene, plan))["calls"]]
    assert ["external.repeated" in names for names in rules] == [False, True, False], "people read it"
    answers = [await make(scene, caller, call) for call in (MAIL, MAIL, PAY)]
    assert [answer.status for answer in answers] == ["succeeded"] * 3
    assert (await make(scene, caller, MAIL)).status == "waiting"
    verify(await scene.store.journal.read(), scene)


async def test_a_plan_that_would_do_twice_what_is_done_once_is_refused(scene, tmp_path):
    tools = tmp_path / "tools" / "shop.yaml"
    tools.write_text(tools.read_text().replace("    key: key\n", "    key: key\n    once: [order]\n", 1))
    caller = await scene.enter()
    other = PlanCall("shop__pay", {"order": "#A-1", "amount": "2.00"})
    answer = await scene.door.propose(caller, [PAY, MAIL, other])
    assert (answer.told["reason"], "as call 1" in answer.told["error"]) == ("bad-plan", True)
