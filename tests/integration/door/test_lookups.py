"""A server that is asked what became of a call: at once when its answer is lost, and when the process that made it has died."""

from datetime import timedelta

import pytest

from bridle.core.errors import UnavailableError
from bridle.delegate.effectors.server import Called
from bridle.trust.journal import Kind

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
