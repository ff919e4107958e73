"""A server that is asked what became of a call: at once when its answer is lost, when the process that made it has died, and
again later while it is left to a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.work import SqlWork
from bridle.core.errors import UnavailableError
from bridle.delegate.effectors.server import Called
from bridle.gate.looks import PACE
from bridle.operating.looking import Looking
from bridle.operating.work import WorkDesk
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, JournalError, Kind
from bridle.trust.principals import RegisterPrincipal
from bridle.trust.work_items import Settlement

from .conftest import FakeCrash, say

ENTRY = """
  seek: {effect: read, recovery: read, arguments: {required: [order], properties: {order: {type: string}}}}
  book:
    effect: consequential
    recovery: lookup
    lookup: {tool: seek, arguments: {order: order}, found: booking.id, after: 1m}
    once: [order]
    risk: low
    control: {order: id}
"""
AGENT = """---
name: acme.booker
version: 1.0.0
owner: acme
purpose: refund
tools: [mcp.shop.book]
---
You book.
"""
ORDER = {"order": "A-1"}
LOST = Called("unknown", why="the connection was closed")
NOTHING = Called("succeeded", (), {"booking": None})
FOUND = Called("succeeded", (), {"booking": {"id": "B-1"}})
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def scene(scene):
    await scene.equip(AGENT, ENTRY, "seek", "book")
    return scene


async def book(scene, caller, door=None):
    return await (door or scene.door).call(caller, "shop__book", ORDER)


async def die_in_a_call(scene):
    """Open a session whose process dies when it has sent a call; return it."""
    opened = await scene.open(uses="acme.booker@1.0.0")
    scene.shop.answers = [FakeCrash()]
    with pytest.raises(FakeCrash):
        await book(scene, await scene.door.enter(opened.secret))
    return opened


async def test_an_answer_that_was_lost_is_found_at_the_server(scene):
    scene.shop.answers = [LOST, FOUND]
    answer = await book(scene, await scene.enter(uses="acme.booker@1.0.0"))
    assert (answer.status, answer.value["structured"]) == ("succeeded", {"id": "B-1"})
    assert [tool for tool, _ in scene.shop.called] == ["book", "seek"]


SAYS_NOTHING = {
    "not yet": NOTHING,
    "failed": Called("failed"),
    "another shape": Called("succeeded", (), {"bookings": []}),
    "away": UnavailableError("away"),
}


async def test_what_does_not_say_that_it_was_done_leaves_it_unknown(scene):
    caller = await scene.enter(uses="acme.booker@1.0.0")
    for number, (order, said) in enumerate(SAYS_NOTHING.items()):
        scene.shop.answers = [LOST, said]
        tried = [await scene.door.call(caller, "shop__book", {"order": f"A-{number}"}) for _ in range(2)]
        assert (order, tried[0].status) == (order, "unknown")
        assert (order, tried[1].told["rule"]) == (order, "recovery.open")


async def test_what_a_dead_process_sent_is_found_by_who_takes_its_session_over(scene):
    opened, other = await die_in_a_call(scene), scene.another("there")
    scene.shop.answers = [FOUND]
    caller = await other.enter(opened.secret)
    (outcome,) = await scene.records(caller, Kind.OUTCOME)
    assert outcome.body["status"] == "succeeded"
    assert outcome.body["report"]["delegate"] == "delegate:local"
    assert (await book(scene, caller, other)).told["rule"] == "recovery.done"


async def test_what_the_server_does_not_know_after_a_while_was_not_done_and_may_be_tried_again(scene):
    opened, other = await die_in_a_call(scene), scene.another("there")
    scene.clock.advance(timedelta(minutes=1))
    scene.shop.answers = [NOTHING]
    caller = await other.enter(opened.secret)
    assert (await book(scene, caller, other)).status == "succeeded"
    assert [tool for tool, _ in scene.shop.called] == ["book", "seek", "book"]


async def test_what_may_still_arrive_is_nobodys_to_repeat(scene):
    opened, other = await die_in_a_call(scene), scene.another("there")
    scene.clock.advance(timedelta(seconds=59))
    scene.shop.answers = [NOTHING]
    caller = await other.enter(opened.secret)
    assert (await book(scene, caller, other)).told["rule"] == "recovery.open"


async def test_a_server_that_describes_the_look_up_otherwise_is_not_believed(scene):
    opened, other = await die_in_a_call(scene), scene.another("there")
    scene.clock.advance(timedelta(minutes=1))
    scene.shop.tools = [
        say("seek", "Says no to everything") if tool["name"] == "seek" else tool for tool in scene.shop.tools
    ]
    caller = await other.enter(opened.secret)
    (outcome,) = await scene.records(caller, Kind.OUTCOME)
    assert outcome.body["status"] == "unknown"
    assert [tool for tool, _ in scene.shop.called] == ["book"]


@pytest.fixture
def looking(scene):
    return make_looking(scene)


def make_looking(scene):
    work = SqlWork(scene.store.database)
    parts = {name: scene.parts[name] for name in ("gate", "journal", "principals", "clock")}
    desk = WorkDesk(journal=scene.store.journal, work=work, notary=scene.notary())
    return Looking(
        **parts, work=work, desk=desk, manifests=scene.parts["catalogue"], refresh=scene.tools.refresh
    )


async def lose(scene):
    """Call once, so that nobody knows what became of it; forget what was called so far."""
    caller = await scene.enter(uses="acme.booker@1.0.0")
    scene.shop.answers = [LOST, Called("failed")]
    assert (await book(scene, caller)).status == "unknown"
    scene.shop.called.clear()
    return caller


async def look(scene, *answers, after=PACE[0], process=None):
    """Let time pass, and look as a server does; return the settled items and the newest record about open work."""
    scene.clock.advance(after)
    scene.shop.answers = list(answers)
    settled = await (process or make_looking(scene)).sweep()
    records = await scene.store.journal.read(kinds=(Kind.WORK_LOOKED, Kind.WORK_SETTLED))
    return settled, records[-1] if records else None


async def verify(scene):
    records = await scene.store.journal.read()
    checkpoints = [await scene.store.journal.checkpoint()]
    verify_journal(records, checkpoints=checkpoints, control_plane=scene.store.signer.verifier)


async def test_what_is_parked_is_settled_once_its_target_says_that_it_was_done(scene):
    caller = await lose(scene)
    (item,), settled = await look(scene, FOUND)
    assert (settled.subject, settled.body["answer"], settled.body["by"]) == (item, "done", "service:bridle")
    assert [tool for tool, _ in scene.shop.called] == ["seek"]
    assert (await book(scene, caller)).told["rule"] == "recovery.done"
    assert await look(scene, FOUND, after=PACE[-1]) == ([], settled)
    await verify(scene)


async def test_what_is_parked_and_unknown_to_its_target_was_not_done_and_may_be_tried_again(scene):
    caller = await lose(scene)
    _, settled = await look(scene, NOTHING)
    assert settled.body["answer"] == "not-done"
    assert (await book(scene, caller)).status == "succeeded"
    await verify(scene)


async def test_looks_are_paced_and_bounded_over_restarts_and_say_why_nothing_was_said(scene):
    await lose(scene)
    assert await look(scene, after=PACE[0] - timedelta(seconds=1)) == ([], None)
    seen, passed = [], PACE[0] - timedelta(seconds=1)
    for moment in (*PACE, PACE[-1] + timedelta(days=30)):
        for wait in (moment - passed, timedelta(0)):
            settled, looked = await look(scene, UnavailableError("away"), after=wait)
            assert (settled, looked.body["answer"]) == ([], "nothing")
        passed = moment
        seen.append((looked.body["number"], looked.body["why"]))
    assert seen == [*((number, "away") for number in range(1, len(PACE) + 1)), (len(PACE), "away")]
    assert len(scene.shop.called) == len(PACE)
    await verify(scene)


async def test_looks_that_were_missed_while_nobody_was_there_are_one(scene):
    await lose(scene)
    _, looked = await look(scene, UnavailableError("away"), after=PACE[3])
    assert (looked.body["number"], len(scene.shop.called)) == (4, 1)


async def test_a_process_that_dies_after_its_look_leaves_the_answer_to_the_next(scene, looking, monkeypatch):
    await lose(scene)

    async def die(*_, **__):
        raise FakeCrash

    monkeypatch.setattr(WorkDesk, "settle_by_look", die)
    with pytest.raises(FakeCrash):
        await look(scene, FOUND, process=looking)
    monkeypatch.undo()
    (_,), settled = await look(scene, after=timedelta(0))
    assert (settled.body["answer"], len(scene.shop.called)) == ("done", 1)
    await verify(scene)


async def test_where_the_control_plane_may_not_ask_nobody_is_asked(scene):
    await lose(scene)
    principals = SqlPrincipals(scene.store.database)
    known = await principals.get("service:bridle")
    stopped = replace(known, permissions=frozenset())
    entry = Entry(Kind.PRINCIPAL_REGISTERED, "", known.id, stopped.to_json())
    await scene.store.journal.append([entry], [RegisterPrincipal(stopped, known)])
    settled, looked = await look(scene, FOUND)
    assert (settled, looked, scene.shop.called) == ([], None, [])


@pytest.mark.parametrize(
    ("forged", "fault"), [("no look", "did not say so"), ("no report", "no object report")]
)
async def test_an_answer_that_no_target_gave_is_found_by_the_audit(scene, forged, fault):
    await lose(scene)
    await look(scene, UnavailableError("away"))
    journal = scene.store.journal
    (item,) = await SqlWork(scene.store.database).find()
    (nothing,) = await journal.read(kinds=(Kind.WORK_LOOKED,))
    if forged == "no report":
        said = {**nothing.body, "answer": "done", "status": "succeeded"}
        (nothing,) = await journal.append([Entry(Kind.WORK_LOOKED, item.stream, item.id, said)])
    desk = WorkDesk(journal=journal, work=SqlWork(scene.store.database), notary=scene.notary())
    await desk.settle_by_look(item.id, Settlement.DONE, look=nothing)
    with pytest.raises(JournalError, match=fault):
        await verify(scene)
