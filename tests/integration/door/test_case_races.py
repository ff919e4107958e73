"""Cases where several act at once: the store's guards let one pass, on either store."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.adapters.sql.database import open_database
from bridle.adapters.sql.journal import SqlJournal
from bridle.gate.gate import Gate
from bridle.gate.parking import Parked
from bridle.operating.cases.desk import CaseDesk
from bridle.operating.cases.escalating import Escalation

SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def closing():
    """What is closed when the test has ended."""
    with ExitStack() as stack:
        yield stack


def another_desk(scene, store_url, closing):
    """A desk in another process: connections, journal and gate of its own at the same store."""
    database = open_database(store_url)
    closing.callback(database.close)
    journal = SqlJournal(database, scene.store.working, scene.clock, scene.store.signer)
    ports = replace(scene.ports, journal=journal)
    parts = {name: scene.parts[name] for name in ("principals", "approvals", "clock")}
    return CaseDesk(gate=Gate(ports), journal=journal, **parts)


async def test_there_is_one_open_case_of_a_type_for_an_object(scene):
    first = await scene.case("A-1")
    with pytest.raises(AssertionError):
        await scene.case("A-1")
    await scene.do("move", first, to="stuck")
    await scene.do("move", first, to="closed")
    assert await scene.case("A-1") != first


async def test_a_case_that_moves_between_decision_and_intent_takes_the_permission_with_it(
    scene, monkeypatch, store_url, closing
):
    case = await scene.case()
    caller = await scene.work_on(case)
    evaluate = scene.ports.policy.evaluate
    other = another_desk(scene, store_url, closing)

    async def move_meanwhile(facts):
        answer = await evaluate(facts)
        if facts["action"]["tool"] == "mcp.shop.note":
            await other.perform("case.move", {"case": case, "to": "review", "reason": "x"}, by="user:ana")
        return answer

    monkeypatch.setattr(scene.ports.policy, "evaluate", move_meanwhile)
    answer = await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    assert (answer.status, answer.told["rule"]) == ("denied", "case.moved")
    assert scene.shop.called == []


async def test_of_two_that_move_a_case_at_once_one_does(scene):
    case = await scene.case()
    results = await asyncio.gather(*(scene.do("move", case, to=to) for to in ("stuck", "stuck")))
    assert sorted(type(result).__name__ for result in results) == ["Denied", "Done"]
    assert (await scene.book.get(case))[0].revision == 2


async def test_work_of_no_case_is_parked_as_an_item_of_its_own(scene):
    item = Parked(about="exe_1/pay/refund#0.0", reason="nobody can tell")
    both = await asyncio.gather(scene.parking.park(item), scene.parking.park(item))
    assert len(set(both)) == 1
    found = (await scene.book.get(both[0]))[0]
    assert (found.type, found.object, len(found.exceptions)) == ("parked-work", item.about, 1)


def look(scene):
    """Return what a server does that has just been started."""
    return Escalation(desk=scene.case_desk, book=scene.book, cases=scene.cases, clock=scene.clock)


async def test_what_is_overdue_is_escalated_once_by_whichever_server_looks_first(scene):
    case = await scene.case()
    assert await look(scene).sweep() == []
    scene.clock.advance(timedelta(days=2))
    both = await asyncio.gather(look(scene).sweep(), look(scene).sweep())
    assert sorted(both) == [[], [case]]
    assert await look(scene).sweep() == [], "nor does one that is started later"
    told = (await scene.do("show", case)).value
    assert (told["overdue"], [mark["kind"] for mark in told["exceptions"]]) == (True, ["overdue"])
    assert "group:store" in told["exceptions"][0]["reason"]
    assert await scene.cases.due(scene.clock.now()) == [case]


@SQLITE
async def test_a_case_that_moved_in_time_is_not_overdue(scene):
    case = await scene.case()
    await scene.do("move", case, to="review")
    scene.clock.advance(timedelta(days=9))
    assert await look(scene).sweep() == []


@SQLITE
async def test_each_state_has_its_own_time(scene):
    case = await scene.case()
    scene.clock.advance(timedelta(days=3))
    assert await look(scene).sweep() == [case]
    await scene.do("move", case, to="review")
    await scene.do("move", case, to="taken")
    assert await look(scene).sweep() == []
    scene.clock.advance(timedelta(days=3))
    assert await look(scene).sweep() == [case]
