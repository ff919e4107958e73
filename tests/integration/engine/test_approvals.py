"""Approvals as steps: asked ahead of time about the exact action of another step, answered once."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bridle.adapters.sql.sessions import SqlSessions
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine.control import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.operating.outdated import Outdated
from bridle.trust.journal import Kind


async def test_an_approved_push_is_pushed_once_and_with_that_approval(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def approve():
        await desk.answer(execution, approved=True)

    state, ended = await desk.carry(execution, meanwhile=approve)
    assert (state, set(ended.values())) == ("succeeded", {"succeeded"})
    assert [task.request.tool for task in desk.delegate.told].count("git.push") == 1
    (approval,) = await desk.bench.approvals.find(execution=execution.id)
    assert str(approval.state) == "used"


async def test_while_a_person_is_asked_the_execution_waits_with_the_message(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)
    seen = []

    async def look_and_approve():
        seen.append(await desk.control.get(execution.id))
        assert await desk.control.waits_for_a_person(await desk.control.get(execution.id))
        await desk.answer(execution, approved=True)

    await desk.carry(execution, meanwhile=look_and_approve)
    assert [(item.state, item.note) for item in seen] == [(State.WAITING, "Ship it?")]


async def test_a_refused_approval_denies_its_step_and_nothing_is_pushed(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def refuse():
        await desk.answer(execution, approved=False)

    state, ended = await desk.carry(execution, meanwhile=refuse)
    assert (state, ended["approval/release"]) == ("denied", "denied")
    assert "git.push" not in [task.request.tool for task in desk.delegate.told]
    assert "approval.refused" in (await desk.outcome(execution, "approval/release"))["note"]


async def test_an_approval_that_nobody_gives_in_time_denies_and_waits_for_nobody(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def expire():
        desk.clock.advance(timedelta(days=8))
        assert not await desk.control.waits_for_a_person(await desk.control.get(execution.id))
        await desk.control.carry_on(execution.id)

    state, ended = await desk.carry(execution, meanwhile=expire)
    assert (state, ended["approval/release"]) == ("denied", "denied")
    assert desk.durable.woken == [(execution.id, "")]


async def test_a_verdict_after_the_time_is_refused(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def too_late():
        desk.clock.advance(timedelta(days=8))
        with pytest.raises(InputError, match="expired") as raised:
            await desk.answer(execution, approved=True)
        assert raised.value.reason == "not-open"

    assert (await desk.carry(execution, meanwhile=too_late))[0] == "denied"


async def test_an_approval_for_an_action_that_needs_none_passes_at_once(desk):
    text = (
        "pipeline: {id: p, stages: [{id: a, steps: [{id: ask, approval: {uses: harness, with: {message: m,"
        " for: b.read}}}]}, {id: b, steps: [{id: read, tool: {uses: file.read, with: {path: a.txt}}}]}]}"
    )
    execution = await desk.start(text)
    state, ended = await desk.carry(execution)
    assert (state, ended) == ("succeeded", {"a/ask": "succeeded", "b/read": "succeeded"})
    assert await desk.bench.approvals.find(execution=execution.id) == []


async def test_a_verdict_given_before_the_engine_was_told_is_made_good_for(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def approve_and_forget():
        await desk.answer(execution, approved=True)
        desk.durable.woken.clear()
        await desk.control.carry_on(execution.id)
        assert desk.durable.woken == [(execution.id, "")]

    assert (await desk.carry(execution, meanwhile=approve_and_forget))[0] == "succeeded"


async def test_the_same_verdict_twice_is_recorded_once_and_another_one_is_refused(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def repeat():
        approval = await desk.answer(execution, approved=True)
        await desk.control.give_verdict(approval.id, Verdict(True, desk.user))
        with pytest.raises(InputError, match="approved"):
            await desk.control.give_verdict(approval.id, Verdict(False, desk.user))

    await desk.carry(execution, meanwhile=repeat)
    records = await desk.bench.journal.read(execution=execution.id)
    assert [record.kind for record in records].count(Kind.APPROVAL_VERDICT) == 1


async def test_an_agent_that_commits_nothing_leaves_nothing_to_approve_and_the_step_says_so(
    desk, approval_pipeline, say
):
    desk.delegate.turns = [say("There is nothing to repair.")]
    execution = await desk.start(approval_pipeline)
    state, ended = await desk.carry(execution)
    told = await desk.outcome(execution, "approval/release")
    assert (state, ended["approval/release"]) == ("failed", "failed")
    assert "ship/push: its `commit`, stages.repair.steps.fix.output.commit, came to nothing" in told["note"]
    assert ("test.yaml:" in told["note"], "commits nothing has no commit" in told["note"]) == (True, True)
    assert await desk.bench.approvals.find(execution=execution.id) == []


async def test_a_push_without_a_commit_says_so_as_well(desk, approval_pipeline, say):
    desk.delegate.turns = [say("There is nothing to repair.")]
    without = approval_pipeline.replace(
        approval_pipeline[
            approval_pipeline.index("    - id: approval") : approval_pipeline.index("    - id: ship")
        ],
        "",
    )
    execution = await desk.start(without)
    await desk.carry(execution)
    told = await desk.outcome(execution, "ship/push")
    assert (told["state"], "came to nothing" in told["note"]) == ("failed", True)


def outdated(desk, policy):
    """What looks for outdated requests in a process that decides by another policy."""

    async def nobody():
        return set()

    return Outdated(
        journal=desk.bench.journal,
        approvals=desk.bench.approvals,
        sessions=SqlSessions(desk.store.database),
        executions=desk.executions,
        durable=desk.durable,
        manifests=desk.ports.manifests,
        policy=policy,
        process="here",
        living=nobody,
        refresh=nobody,
    )


@pytest.mark.parametrize("answered", [False, True])
async def test_under_another_policy_what_a_step_asked_is_void_and_it_asks_anew(
    desk, approval_pipeline, answered
):
    execution = await desk.start(approval_pipeline)
    asked = []

    async def change_and_approve():
        if not asked:
            (request,) = await desk.bench.approvals.find(execution=execution.id)
            asked.append(request.id)
            if answered:
                await desk.answer(execution, approved=True)
            desk.durable.woken.clear()
            assert await outdated(desk, "sha256:another").sweep() == asked
            assert desk.durable.woken == [(execution.id, "approval/release")]
        else:
            await desk.answer(execution, approved=True)

    assert (await desk.carry(execution, meanwhile=change_and_approve))[0] == "succeeded"
    found = await desk.bench.approvals.find(execution=execution.id)
    assert [one.state for one in found] == [ApprovalState.VOID, ApprovalState.USED]


async def test_a_tool_that_this_process_does_not_know_is_left_to_one_that_does(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def look_and_approve():
        sweeping = outdated(desk, desk.ports.policy.digest)
        (asked,) = await desk.bench.approvals.find(execution=execution.id)
        rests_on = {**asked.rests_on, "tool": "sha256:described"}

        async def find(**_):
            return [replace(asked, tool="mcp.shop.pay", rests_on=rests_on)]

        sweeping.approvals = SimpleNamespace(find=find)
        assert await sweeping.sweep() == []
        await desk.answer(execution, approved=True)

    assert (await desk.carry(execution, meanwhile=look_and_approve))[0] == "succeeded"


async def test_what_another_process_carries_or_the_same_policy_asked_stands(desk, approval_pipeline):
    execution = await desk.start(approval_pipeline)

    async def look_and_approve():
        assert await outdated(desk, desk.ports.policy.digest).sweep() == []
        desk.durable.elsewhere.add(execution.id)
        assert await outdated(desk, "sha256:another").sweep() == []
        await desk.answer(execution, approved=True)

    assert (await desk.carry(execution, meanwhile=look_and_approve))[0] == "succeeded"
