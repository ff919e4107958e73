"""The same change to the same target, again and again: the policy that ships asks, and counts across executions."""

from copy import copy

import pytest

from bridle.adapters.sql.schema import deeds
from bridle.core.errors import UnavailableError
from bridle.gate.action import Asked, Denied, Done
from bridle.gate.approvals import ApprovalState

from .conftest import FakeCrash
from .test_approval import verdict

LOOP = "loop.same-change"


async def all_deeds(scene):
    database = scene.ports.approvals._database
    return await database.read(lambda connection: connection.execute(deeds.select()).all())


class Rollouts:
    """Pushes what an agent has committed and puts it back; the scene's delegate does neither."""

    def __init__(self, scene):
        self.scene = scene
        self.calls = 10

    async def commit(self, change="A", *, message="Fix"):
        """Let the agent commit a change; the commit is another each time, as its message and parent may be."""
        self.calls += 1
        commit = f"{self.calls:040x}"
        self.scene.delegate.answers["git.commit"] = {
            **self.scene.delegate.answers["git.commit"],
            "commit": commit,
        }
        self.scene.delegate.changes = change and {"exact": change, "alike": change}
        made = self.scene.action("git.commit", call=self.calls, branch="bridle/fix", message=message)
        assert isinstance(await self.scene.gate.perform(made), Done)
        return commit

    async def push(self, change="A", *, branch="main", message="Fix"):
        commit = await self.commit(change, message=message)
        self.calls += 1
        return self.scene.action("git.push", call=self.calls, by="user:ana", commit=commit, branch=branch)

    async def perform(self, change="A", **options):
        """Push, with the approval that every push needs; return the rules that asked for it."""
        action = await self.push(change, **options)
        asked = await self.scene.gate.perform(action)
        assert isinstance(asked, Asked)
        await verdict(self.scene, asked.approval)
        assert isinstance(await self.scene.gate.perform(action), Done)
        return await self.rules(asked)

    async def rules(self, asked):
        shown = (await self.scene.ports.approvals.get(asked.approval)).shown
        return [item["rule"] for item in shown["rules"]]


@pytest.fixture
def rollouts(scene, made_commit):
    return Rollouts(scene)


async def test_the_third_time_asks_and_shows_what_was_done_and_by_whom(rollouts, scene):
    for change in "ABAB":
        assert LOOP not in await rollouts.perform(change)
    asked = await scene.gate.perform(await rollouts.push("A", message="Fix it, now really"))
    assert LOOP in await rollouts.rules(asked)
    shown = (await scene.ports.approvals.get(asked.approval)).shown["loop"]
    assert [(entry["tool"], entry["execution"], entry["same"]) for entry in shown["before"]] == [
        ("git.push", "exe_1", same) for same in (True, False, True, False)
    ]


async def test_what_a_person_approves_as_a_repetition_begins_a_new_count(rollouts):
    for change in "ABAB":
        await rollouts.perform(change)
    assert LOOP in await rollouts.perform("A")
    assert [LOOP in await rollouts.perform(change) for change in "BABA"] == [False, False, False, True]


async def test_what_a_person_refuses_is_denied_and_not_done(rollouts, scene):
    for change in "ABAB":
        await rollouts.perform(change)
    action = await rollouts.push("A")
    asked = await scene.gate.perform(action)
    told = len(scene.delegate.told)
    await verdict(scene, asked.approval, ApprovalState.DENIED)
    assert isinstance(await scene.gate.perform(action), Denied)
    assert len(scene.delegate.told) == told


async def test_another_branch_is_another_target(rollouts):
    for branch in ("main", "next", "old", "main", "next", "old", "main"):
        assert LOOP not in await rollouts.perform("A", branch=branch)


async def test_the_same_again_with_nothing_in_between_is_no_loop(rollouts):
    assert [LOOP in await rollouts.perform("A") for _ in range(4)] == [False] * 4


async def test_another_version_each_time_is_no_loop(rollouts):
    assert [LOOP in await rollouts.perform(change) for change in "ABCDEF"] == [False] * 6


async def test_what_happened_before_the_window_does_not_count(rollouts, scene):
    for change in "ABAB":
        await rollouts.perform(change)
    await scene.ports.approvals._database.write(
        lambda connection: connection.execute(deeds.update().values(at="2026-02-28T11:59:59.000000Z"))
    )
    assert LOOP not in await rollouts.perform("A")


async def test_what_failed_does_not_count(rollouts, scene):
    for change in "ABAB":
        action = await rollouts.push(change)
        asked = await scene.gate.perform(action)
        await verdict(scene, asked.approval)
        scene.delegate.status = "failed"
        await scene.gate.perform(action)
        scene.delegate.status = "succeeded"
    assert LOOP not in await rollouts.perform("A")


async def test_what_may_have_been_done_counts(rollouts, scene):
    await rollouts.perform("A")
    await rollouts.perform("B")
    action = await rollouts.push("A")
    asked = await scene.gate.perform(action)
    await verdict(scene, asked.approval)
    scene.delegate.status = "unknown"
    await scene.gate.perform(action)
    scene.delegate.status = "succeeded"
    await rollouts.perform("B")
    assert LOOP in await rollouts.perform("A")


async def test_a_death_between_effect_and_record_does_not_count_twice(rollouts, scene):
    await rollouts.perform("A")
    await rollouts.perform("B")
    action = await rollouts.push("A")
    asked = await scene.gate.perform(action)
    await verdict(scene, asked.approval)
    scene.delegate.crash = True
    with pytest.raises(FakeCrash):
        await scene.gate.perform(action)
    assert len(await all_deeds(scene)) == 2
    scene.delegate.crash, scene.delegate.found = False, True
    for _ in range(2):
        assert isinstance(await scene.gate.perform(action), Done)
    assert [row.key for row in await all_deeds(scene)].count(action.key) == 1


async def test_an_approval_given_before_it_became_a_loop_does_not_answer_for_it(rollouts, scene):
    early = await rollouts.push("A")
    asked = await scene.gate.perform(early)
    await verdict(scene, asked.approval)
    for change in "ABAB":
        await rollouts.perform(change)
    again = await scene.gate.perform(early)
    assert again.approval != asked.approval
    assert LOOP in await rollouts.rules(again)


async def test_without_its_history_nothing_is_done(rollouts, scene):
    class UnreadableDeeds:
        async def of(self, target, *, since):
            raise UnavailableError("the store does not answer")

    action = await rollouts.push("A")
    asked = await scene.gate.perform(action)
    await verdict(scene, asked.approval)
    told = len(scene.delegate.told)
    facts = copy(scene.ports.facts)
    facts.deeds = UnreadableDeeds()
    with pytest.raises(UnavailableError):
        await scene.with_ports(facts=facts).perform(action)
    assert len(scene.delegate.told) == told


async def test_a_commit_of_which_nobody_knows_what_it_changes_asks(rollouts, scene):
    asked = await scene.gate.perform(await rollouts.push(None))
    assert "loop.not-known" in await rollouts.rules(asked)
    assert (await scene.ports.approvals.get(asked.approval)).rests_on["loop"] == "not known"
