"""Cases through the gate: who may change them, what they take from the calls of agents, and what they keep."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bridle.adapters.sql import schema as tables
from bridle.core.errors import InputError, TrustError
from bridle.delegate.effectors.server import Called
from bridle.engine.answering import Verdict
from bridle.engine.control import find_open, find_void
from bridle.gate.action import Asked, Denied, Done
from bridle.gate.approvals import ApprovalState
from bridle.gate.parking import Parked
from bridle.operating.cases.casework import Wanted, list_cases
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, Kind

from .two_systems import make_recovering

# what the two stores do differently is in test_case_races.py
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


async def state_of(scene, case):
    found, _ = await scene.book.get(case)
    return found


async def test_a_case_is_opened_moved_and_told_with_its_history(scene):
    case = await scene.case()
    await scene.do("note", case, text="the customer rang", said_by="customer")
    await scene.do("move", case, to="review")
    told = (await scene.do("show", case)).value
    assert (told["state"], told["object"], told["revision"]) == ("review", "A-1001", 2)
    assert [event["what"] for event in told["history"]] == ["open", "move"]
    assert [line["text"] for line in told["conversation"]] == ["the customer rang"]


async def test_what_contradicts_the_case_is_refused_and_recorded(scene):
    case = await scene.case()
    refused = await scene.do("move", case, **{"to": "review", "from": "review"})
    assert isinstance(refused, Denied)
    assert refused.rule == "case.contradiction"
    decided = await scene.store.journal.get(refused.record)
    assert (decided.body["effect"], decided.execution) == ("deny", case)
    assert (await state_of(scene, case)).revision == 1


async def test_who_does_not_hold_the_permission_does_nothing(scene):
    case = await scene.case()
    with pytest.raises(TrustError):
        await scene.do("hold", case, by="service:till")


async def test_a_move_wants_its_decision_and_its_approval(scene):
    case = await scene.case()
    await scene.do("move", case, to="review")
    assert (await scene.do("move", case, to="payable")).rule == "case.condition"
    await scene.do("decide", case, decision="goods", value="back")
    asked = await scene.do("move", case, to="payable")
    assert isinstance(asked, Asked)
    assert await scene.do("move", case, to="payable") == Asked("", asked.approval), "asked about once"
    await scene.approve(asked.approval)
    assert isinstance(await scene.do("move", case, to="payable"), Done)
    assert (await state_of(scene, case)).state == "payable"


async def test_an_approved_move_is_void_once_the_case_has_changed(scene):
    case = await scene.case()
    await scene.do("move", case, to="review")
    await scene.do("decide", case, decision="goods", value="back")
    asked = await scene.do("move", case, to="payable")
    await scene.approve(asked.approval)
    await scene.do("exception", case, kind="fraud", reason="two cards")
    again = await scene.do("move", case, to="payable")
    assert isinstance(again, Asked)
    assert again.approval != asked.approval


async def test_the_same_call_with_the_same_token_is_allowed_before_the_move_and_asks_after_it(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    calling = scene.door.call, caller, "shop__note", {"order": "A-1001"}

    async def call():
        answer = await calling[0](*calling[1:])
        return answer.status, scene.shop.called

    status, called = await call()
    assert (status, len(called)) == ("succeeded", 1)
    await scene.do("move", case, to="review")
    status, called = await call()
    assert (status, len(called)) == ("waiting", 1)
    assert await rules_of(scene, caller) == ["case.not-covered"]


async def rules_of(scene, caller):
    """Return the rules that said what was decided last in a session."""
    decided = (await scene.records(caller, Kind.DECIDED))[-1]
    return [rule["rule"] for rule in decided.body["rules"]]


async def test_what_a_type_does_not_want_asked_about_is_denied(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    await scene.do("move", case, to="stuck")
    answer = await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    assert (answer.status, answer.told["rule"]) == ("denied", "case.not-covered")


async def test_an_approval_given_before_the_case_moved_is_void(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    await scene.do("move", case, to="review")
    asked = (await scene.door.call(caller, "shop__note", {"order": "A-1001"})).told["approval"]
    await scene.approve(asked)
    await scene.do("move", case, to="taken")
    await scene.do("move", case, to="review")  # where it was asked, and another revision
    answer = await scene.door.call(caller, "shop__note", {"order": "A-1001"}, approval=asked)
    assert answer.status == "waiting"
    assert answer.told["approval"] != asked
    assert scene.shop.called == []


class Woken:
    """Stands for an execution that waits, and notes that it was woken."""

    def __init__(self):
        self.up = []

    async def get(self, execution):
        return self

    async def wake(self, execution, path):
        self.up.append(execution)


async def test_what_was_asked_is_void_once_the_case_moves_and_nobody_can_answer_it(scene):
    case, other = await scene.case(), await scene.case("A-2")
    here, there = await scene.work_on(case), await scene.work_on(other)
    asked = {}
    for name, caller in ((case, here), (other, there)):
        await scene.do("move", name, to="review")
        asked[name] = (await scene.door.call(caller, "shop__note", {"order": "A-1001"})).told["approval"]
    await scene.do("note", case, text="nothing that governs")
    assert [one.id for one in await find_open(scene.approvals, now=scene.clock.now())] == [*asked.values()]
    await scene.do("move", case, to="taken")
    assert [one.id for one in await find_void(scene.approvals, now=scene.clock.now())] == [asked[case]]
    ana = await scene.parts["principals"].get("user:ana")
    desk, woken = scene.desk(), Woken()
    desk._executions = desk._durable = woken  # as if an execution waited for it
    with pytest.raises(InputError, match="void: its case has changed") as caught:
        await desk.give(asked[case], Verdict(True, ana))
    assert woken.up == [here.session.id], "who waits for it asks anew"
    assert f"{case} review revision 2" in str(caught.value.where)
    assert (await scene.desk().give(asked[other], Verdict(True, ana))).state is ApprovalState.APPROVED
    await scene.do("move", case, to="review")
    scene.clock.advance(timedelta(seconds=1))
    again = await scene.door.call(here, "shop__note", {"order": "A-1001"})
    assert (again.status, again.told["approval"] not in asked.values()) == ("waiting", True)
    assert await find_void(scene.approvals, now=scene.clock.now()) == []


async def test_an_agent_works_on_its_case_with_the_tools_of_cases(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    offered = {offer.name: offer for offer in await scene.door.offers(caller)}
    assert {"case_show", "case_note", "case_move"} <= set(offered)
    assert "case" not in offered["case_move"].schema["properties"]
    await scene.door.call(caller, "case_note", {"text": "looked at it"})
    await scene.door.call(caller, "case_note", {"text": "pay them", "said_by": "group:store"})
    answer = await scene.door.call(caller, "case_move", {"to": "review", "reason": "two orders"})
    assert (answer.status, answer.value["structured"]["state"]) == ("succeeded", "review")
    told = (await scene.door.call(caller, "case_show", {})).value["structured"]
    assert [event["by"] for event in told["history"]][1:] == ["agent:acme.caseworker"] * 2
    (line,) = told["conversation"]
    assert (line["said_by"], line["noted_by"]) == ("group:store", "agent:acme.caseworker"), "whose word it is"


@pytest.mark.parametrize(
    ("name", "wish", "rule"),
    [
        ("case_move", {"to": "taken", "reason": "so that I can write"}, "case.widens"),
        ("case_release", {"hold": "hld_1", "reason": "done"}, "tool.unknown"),
        ("case_resolve", {"exception": "exc_1", "reason": "done"}, "tool.unknown"),
    ],
)
async def test_no_agent_widens_what_it_may_do(scene, name, wish, rule):
    case = await scene.case()
    caller = await scene.work_on(case)
    await scene.do("move", case, to="review")
    answer = await scene.door.call(caller, name, wish)
    assert (answer.status, answer.told["rule"]) == ("denied", rule)
    assert (await state_of(scene, case)).state == "review"


async def test_no_agent_opens_the_way_for_another_of_its_owner(scene):
    """Only the clerk holds `give`; the caseworker does not let it, either."""
    case = await scene.case()
    await scene.enter()  # the clerk is known from now on
    caller = await scene.work_on(case)
    await scene.do("move", case, to="review")
    await scene.do("decide", case, decision="goods", value="back")
    answer = await scene.door.call(caller, "case_move", {"to": "payable", "reason": "it is back"})
    assert answer.told["rule"] == "case.widens"
    assert "mcp.shop.give" in answer.told["reason"]


async def test_a_move_that_could_widen_what_an_unknown_agent_does_asks_a_person(scene):
    """The clerk's file lies there and holds `give`, but nobody ever ran it; nobody known holds more after the move."""
    case = await scene.case(type="payout")
    caller = await scene.work_on(case)
    wish = {"to": "payable", "reason": "it is back"}
    answer = await scene.door.call(caller, "case_move", wish)
    assert (answer.status, await rules_of(scene, caller)) == ("waiting", ["case.could-widen"])
    assert (await state_of(scene, case)).state == "taken"
    await scene.approve(answer.told["approval"])
    answer = await scene.door.call(caller, "case_move", wish, approval=answer.told["approval"])
    assert (answer.status, (await state_of(scene, case)).state) == ("succeeded", "payable")


async def test_a_pipeline_that_an_agent_took_part_in_does_not_move_the_case_for_it(scene):
    """What the journal says of the pipeline, and of the one that started it, is what counts."""

    async def is_led(execution):
        action = SimpleNamespace(execution=execution, request=SimpleNamespace(tool="case.move"))
        return await scene.book._is_led(action)

    def decided(execution, kind):
        facts = {"principal": {"kind": kind} if kind else None}
        return Entry(Kind.DECIDED, execution, f"{execution}/a#0.0", {"facts": facts})

    def started(execution, **options):
        return Entry(Kind.EXECUTION_STARTED, execution, execution, {"options": options})

    await scene.store.journal.append(
        [
            *(started("exe_1"), decided("exe_1", "user"), decided("exe_1", "service")),
            *(
                started("exe_2"),
                decided("exe_2", "agent"),
                started("exe_3", parent="exe_2"),
                decided("exe_3", "user"),
            ),
            *(started("exe_4"), decided("exe_4", None)),
            started("exe_5", rerun_of="exe_3"),
        ]
    )
    found = [await is_led(f"exe_{number}") for number in range(1, 6)]
    assert found == [False, True, True, True, True]
    assert not await is_led(await scene.case()), "a person at the desk"


async def test_an_agent_works_on_no_other_case(scene):
    mine, other = await scene.case("A-1"), await scene.case("A-2")
    caller = await scene.work_on(mine)
    answer = await scene.door.call(caller, "case_note", {"text": "hello", "case": other})
    assert (answer.status, answer.told["rule"]) == ("denied", "case.other")


async def test_a_session_for_a_case_that_is_not_there_or_has_ended_is_refused(scene):
    case = await scene.case()
    await scene.do("move", case, to="stuck")
    await scene.do("move", case, to="closed")
    for name in (case, "cas_" + "0" * 26):
        with pytest.raises(InputError, match="case"):
            await scene.work_on(name)


async def test_a_name_without_a_type_is_a_key_of_the_history_alone(scene):
    caller = await scene.enter(case="claim-7")
    await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    decided = (await scene.records(caller, Kind.DECIDED))[-1]
    assert (decided.body["facts"]["case"], decided.body["facts"]["task"]["case"]) == (None, "claim-7")


async def test_a_case_that_is_lost_from_the_book_lets_nothing_pass(scene, monkeypatch):
    case = await scene.case()
    caller = await scene.work_on(case)

    async def nothing(case):
        return None

    monkeypatch.setattr(scene.book, "get", nothing)
    answer = await scene.door.call(caller, "shop__find", {"order": "A-1001"})
    assert (answer.status, answer.told["rule"]) == ("denied", "case.not-known")


async def test_work_is_parked_once_with_its_reason_and_no_agent_goes_on(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    item = Parked(about="ses_1/door#1", reason="the ledger knows nothing of it", case=case)
    assert [await scene.parking.park(item), await scene.parking.park(item)] == [case, case]
    assert [mark.reason for mark in (await state_of(scene, case)).exceptions] == [item.reason]
    assert await scene.cases.find(parked=True) == [case]
    answer = await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    assert answer.told["rule"] == "case.parked"


async def test_a_case_of_which_nobody_can_tell_what_was_done_is_parked_once(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    scene.shop.answers = [Called("unknown", why="lost")]
    assert (await scene.door.call(caller, "shop__note", {"order": "A-1001"})).status == "unknown"
    recovering = make_recovering(scene)
    await asyncio.gather(recovering.sweep(), recovering.sweep())
    (mark,) = (await state_of(scene, case)).exceptions
    assert (mark.kind, mark.reason) == ("parked", "lost")
    again = await scene.door.call(caller, "shop__note", {"order": "A-2002"})
    assert again.told["rule"] == "case.parked"


async def test_the_audit_follows_a_case(scene):
    case = await scene.case()
    caller = await scene.work_on(case)
    await scene.do("move", case, to="review")
    await scene.door.call(caller, "case_note", {"text": "looked at it"})
    await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    records = await scene.store.journal.read()
    verify_journal(
        records,
        checkpoints=await scene.store.journal.checkpoints(),
        control_plane=scene.store.signer.verifier,
    )


async def test_a_row_that_was_changed_in_the_store_lets_nothing_pass(scene):
    """The state is what the records say; a row that says otherwise fails the guard."""
    case = await scene.case()
    caller = await scene.work_on(case)
    forged = tables.cases.update().values(state="payable", revision=7)
    with scene.store.database.engine.begin() as connection:
        connection.execute(forged)
    answer = await scene.door.call(caller, "shop__pay", {"order": "A-1001"})
    allowed = await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    assert (answer.status, allowed.status, allowed.told["rule"]) == ("waiting", "denied", "case.moved")
    assert scene.shop.called == []


async def test_a_case_that_only_the_store_knows_is_not_passed_over(scene):
    await scene.case()
    row = {
        "id": "cas_x",
        "type": "t",
        "object": "o",
        "state": "s",
        "revision": 1,
        "final": False,
        "parked": False,
    }
    with scene.store.database.engine.begin() as connection:
        connection.execute(tables.cases.insert().values(due_at="", escalated=False, opened_at="", **row))
    with pytest.raises(TrustError, match="cas_x"):
        await list_cases(scene.cases, scene.book, Wanted(), now=scene.clock.now())
