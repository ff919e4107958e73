"""Which version of an agent may act: attacks on the state that a person gave it, and approval by digest."""

import asyncio
from dataclasses import replace

import pytest

from bridle.core.errors import InputError, TrustError
from bridle.trust.journal import Kind
from bridle.trust.lifecycle import Change
from bridle.trust.notary import Author
from bridle.trust.principals import Lifecycle
from bridle.trust.registry import MANAGE, Registry

AGENT = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, agent: {uses: test.helper@1.0.0}}]}]}"
HELPER = "agent:test.helper"
ANA = Author("user:ana")


@pytest.fixture
async def registry(desk):
    await desk.register(replace(desk.user, permissions=desk.user.permissions | {MANAGE}))
    return Registry(journal=desk.store.journal, principals=desk.bench.principals, notary=desk.notary)


@pytest.fixture
def run_agent(desk, say):
    async def run(**ports):
        desk.delegate.turns = [say("Done.")]
        execution = await desk.start(AGENT)
        return await desk.leg(execution, "a/b", worker=desk.worker(execution, **ports))

    return run


@pytest.mark.parametrize("change", [Change.SUSPEND, Change.RETIRE])
async def test_an_edited_file_does_not_bring_a_stopped_agent_back(
    desk, registry, run_agent, write_agent, change
):
    write_agent()
    assert (await run_agent())["state"] == "succeeded"
    await registry.change(HELPER, change, by=ANA)
    told = len(desk.delegate.told)
    write_agent(model="other")  # another digest: another version of the same agent
    answer = await run_agent()
    assert (answer["state"], len(desk.delegate.told)) == ("failed", told)
    assert f"{HELPER} is {(await registry.find(HELPER)).state}" in answer["note"]


async def test_a_suspension_counts_at_the_next_action_of_an_agent_at_work(desk, registry, write_agent, say):
    write_agent()
    desk.delegate.turns = [say("", ("file.read", {"path": "a"})), say("Done.")]

    execution = await desk.start(AGENT)
    carry_out = desk.delegate.carry_out

    async def suspended_after_a_turn(task):
        report = await carry_out(task)
        if task.request.tool == "file.read":
            await registry.change(HELPER, Change.SUSPEND, by=ANA)
        return report

    desk.delegate.carry_out = suspended_after_a_turn
    await desk.leg(execution, "a/b")
    assert [task.request.tool for task in desk.delegate.told] == ["model.call", "file.read"]


async def test_where_versions_need_approval_a_new_agent_is_a_draft_and_does_nothing(
    desk, registry, run_agent, write_agent
):
    write_agent()
    answer = await run_agent(approved_agents_only=True)
    assert (answer["state"], desk.delegate.told) == ("failed", [])
    assert (await registry.find(HELPER)).state is Lifecycle.DRAFT


async def test_an_approved_version_acts_and_the_next_one_does_not(desk, registry, run_agent, write_agent):
    write_agent()
    await run_agent(approved_agents_only=True)
    await registry.change(HELPER, Change.APPROVE, by=ANA)
    assert (await run_agent(approved_agents_only=True))["state"] == "succeeded"
    write_agent(model="other")
    answer = await run_agent(approved_agents_only=True)
    assert answer["state"] == "failed"
    assert "nobody has approved version 1.0.0" in answer["note"]


async def test_branches_that_begin_one_new_agent_at_once_all_go_on(desk, write_agent, say):
    write_agent()
    desk.delegate.turns = [say("Done.")]
    executions = [await desk.start(AGENT) for _ in range(4)]
    answers = await asyncio.gather(*(desk.leg(execution, "a/b") for execution in executions))
    assert {answer["state"] for answer in answers} == {"succeeded"}


async def test_every_change_is_a_record_signed_by_who_made_it(desk, registry, run_agent, write_agent):
    write_agent()
    desk.people.add("ana")
    await run_agent()
    await registry.change(HELPER, Change.SUSPEND, by=Author("user:ana", "ana", "it loops"))
    record = await desk.store.journal.last("", HELPER, (Kind.PRINCIPAL_CHANGED,))
    said = {name: record.body[name] for name in ("change", "by", "asserted", "comment")}
    assert said == {"change": "suspend", "by": "user:ana", "asserted": False, "comment": "it loops"}
    assert set(record.body["signatures"]) == {"control_plane", "person"}


async def test_of_two_changes_at_once_one_is_refused(registry, run_agent, write_agent):
    write_agent()
    await run_agent()
    changes = [registry.change(HELPER, Change.SUSPEND, by=ANA) for _ in range(2)]
    results = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["InputError", "Principal"]


@pytest.mark.parametrize(
    "author",
    [{"permissions": frozenset({"file:read"})}, {"state": Lifecycle.SUSPENDED}],
    ids=["who may not", "who is suspended"],
)
async def test_nobody_changes_a_principal(desk, registry, run_agent, write_agent, author):
    write_agent()
    await run_agent()
    known = await registry.find("user:ana")
    await desk.register(replace(known, **author))
    with pytest.raises(TrustError):
        await registry.change(HELPER, Change.RETIRE, by=ANA)
    assert (await registry.find(HELPER)).state is Lifecycle.ACTIVE


async def test_nobody_changes_their_own_state(registry):
    with pytest.raises(TrustError) as caught:
        await registry.change("user:ana", Change.SUSPEND, by=ANA)
    assert caught.value.reason == "own-principal"


async def test_an_id_that_is_taken_is_not_added_again(desk, registry):
    with pytest.raises(InputError, match="there already"):
        await registry.add(replace(desk.user, permissions=frozenset({"git:push"})), by=ANA)
