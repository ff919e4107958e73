"""Approvals by risk: what interrupts, what is gathered, what runs and is listed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bridle.adapters.sql.approvals import SqlApprovals
from bridle.core.errors import TrustError
from bridle.engine.answering import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.operating.digest import Digests, last_due
from bridle.operating.escalations import describe_escalation, watch_escalations
from bridle.operating.session import TaskRequest
from support.people import PeopleInMemory

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
UNNAMED = {"order": "A-2002"}


@pytest.fixture
def digests(scene):
    return Digests(
        journal=scene.store.journal,
        approvals=SqlApprovals(scene.store.database),
        sessions=scene.sessions,
        clock=scene.clock,
        every=timedelta(hours=4),
    )


async def test_medium_is_gathered_and_high_is_not(scene, digests):
    caller = await scene.enter()
    medium = await scene.door.call(caller, "shop__pay", UNNAMED)
    await scene.door.call(caller, "shop__mail", UNNAMED)
    gathered = await digests.gather()
    assert [item.id for item in gathered.waiting] == [medium.told["approval"]]


async def test_what_was_answered_is_gathered_no_more(scene, digests):
    caller = await scene.enter()
    asked = await scene.door.call(caller, "shop__pay", UNNAMED)
    await scene.approve(asked.told["approval"])
    assert (await digests.gather()).waiting == ()


async def test_low_runs_and_is_listed(scene, digests):
    caller = await scene.enter()
    answer = await scene.door.call(caller, "shop__note", UNNAMED)
    assert answer.status == "succeeded"
    (ran,) = (await digests.gather()).ran
    assert (ran.tool, ran.arguments) == ("mcp.shop.note", UNNAMED)


async def test_what_somebody_vouches_for_is_not_listed(scene, digests):
    caller = await scene.enter(request=TaskRequest("Note A-1001 as paid"))
    await scene.door.call(caller, "shop__note", {"order": "A-1001"})
    assert (await digests.gather()).ran == ()


async def test_what_only_reads_is_not_listed(scene, digests):
    await scene.door.call(await scene.enter(), "shop__peek", UNNAMED)
    assert (await digests.gather()).ran == ()


async def test_what_cannot_be_undone_is_asked_whatever_risk_its_owner_says(scene):
    answer = await scene.door.call(await scene.enter(), "shop__wipe", {"order": "A-1001"})
    assert answer.status == "waiting"


async def test_what_ran_before_the_last_digest_is_not_listed_again(scene, digests):
    await scene.door.call(await scene.enter(ttl=timedelta(days=5)), "shop__note", UNNAMED)
    scene.clock.advance(timedelta(hours=9))
    assert (await digests.gather()).ran == ()


async def test_a_digest_is_told_when_it_is_due(scene, digests):
    asked = await scene.door.call(await scene.enter(), "shop__pay", UNNAMED)
    told, slept = [], []

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) > 1:
            raise asyncio.CancelledError
        scene.clock.advance(timedelta(seconds=seconds))

    with pytest.raises(asyncio.CancelledError):
        await digests.watch(told.append, sleep=sleep)
    assert [[item.id for item in digest.waiting] for digest in told] == [[asked.told["approval"]]]


@pytest.mark.usefixtures("store_url")
def test_digests_are_due_at_times_that_no_restart_moves():
    every = timedelta(hours=4)
    assert last_due(datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC), every) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert last_due(datetime(2026, 3, 1, 15, 59, tzinfo=UTC), every) == datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_the_owner_of_a_tool_says_whose_word_it_takes_and_whose_once_it_has_waited(scene, tmp_path):
    entries = tmp_path / "tools" / "shop.yaml"
    wanted = "approvers: {groups: [finance], escalation: {after_s: 3600, groups: [heads]}}"
    entries.write_text(entries.read_text().replace("risk: medium", f"risk: medium\n    {wanted}"))
    people, told = PeopleInMemory(), []
    people.add("dan", groups=("heads",))
    asked = await scene.door.call(await scene.enter(), "shop__pay", UNNAMED)
    word = Verdict(True, await scene.parts["principals"].get("user:ana"), name="dan")
    with pytest.raises(TrustError, match="the group finance"):
        await scene.desk(people).give(asked.told["approval"], word)

    async def sleep(seconds):
        if told:
            raise asyncio.CancelledError
        scene.clock.advance(timedelta(hours=1))

    with pytest.raises(asyncio.CancelledError):
        await watch_escalations(scene.approvals, scene.clock, told.append, sleep=sleep)
    assert [describe_escalation(found)["to"] for found in told] == ["group heads"]
    given = await scene.desk(people).give(asked.told["approval"], word)
    assert given.state is ApprovalState.APPROVED
