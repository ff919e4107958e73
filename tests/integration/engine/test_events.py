"""Events of the policy: what is decided before an execution, or a step, does anything."""

import asyncio
from dataclasses import replace

import pytest

from bridle.engine.control import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.trust.audit import verify_journal
from bridle.trust.bindings import BEGIN_RUN, BEGIN_STEP, SAVE
from bridle.trust.journal import Kind
from bridle.trust.policy import Finding
from bridle.trust.principals import Principal, PrincipalKind

PIPELINE = """
pipeline:
  id: release
  stages:
    - id: a
      steps:
        - {id: one, run: "true"}
        - {id: two, run: "true"}
"""
FINDING = Finding("house.freeze", "Nothing begins today.")


pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


class Bound:
    """The real policy, and a set that is bound to one event."""

    def __init__(self, policy, tool, part):
        self._policy, self._tool, self._part = policy, tool, part
        self.asked, self.heard = [], []

    @property
    def digest(self):
        return self._policy.digest

    async def evaluate(self, document):
        answer = await self._policy.evaluate(document)
        tool = document["action"]["tool"]
        self.heard.append((tool, document["action"]["arguments"]))
        self.asked.append((tool, document["action"]["arguments"].get("step", "")))
        return replace(answer, **{self._part: (FINDING,)}) if tool == self._tool else answer

    async def close(self):
        pass


@pytest.fixture
def bind(desk):
    async def bind(tool, part):
        key = desk.ports.delegate_key.raw.hex()
        await desk.register(
            Principal(PrincipalKind.DELEGATE, "local", "user:ana", frozenset(), public_key=key)
        )
        bound = Bound(desk.ports.policy, tool, part)
        gate = type(desk.bench.gate)(replace(desk.ports, policy=bound))
        desk.bench = replace(desk.bench, gate=gate, events=frozenset({tool}))
        return bound

    return bind


async def check_audit(desk):
    verify_journal(
        await desk.bench.journal.read(),
        checkpoints=await desk.bench.journal.checkpoints(),
        control_plane=desk.ports.signer.verifier,
    )


@pytest.mark.parametrize("event", [SAVE, BEGIN_RUN])
async def test_an_execution_that_may_not_begin_does_nothing(desk, bind, event):
    await bind(event, "deny")
    execution = await desk.start(PIPELINE)
    state, _ = await desk.carry(execution)
    assert state == "denied"
    assert "command.run" not in [task.request.tool for task in desk.delegate.told]


async def test_the_rules_of_a_saved_pipeline_see_all_of_it(desk, bind):
    bound = await bind(SAVE, "allow")
    execution = await desk.start(PIPELINE)
    assert (await desk.carry(execution))[0] == "succeeded"
    (arguments,) = [arguments for tool, arguments in bound.heard if tool == SAVE]
    steps = arguments["document"]["stages"][0]["nodes"]
    assert [step["with_"]["script"] for step in steps] == ["true", "true"]
    assert (arguments["pipeline"], arguments["plan"]) == ("release", execution.plan_digest)


@pytest.mark.parametrize("event", [SAVE, BEGIN_RUN])
async def test_a_person_is_asked_once_before_an_execution_begins(desk, bind, event):
    bound = await bind(event, "ask")
    execution = await desk.start(PIPELINE)

    async def approve():
        (request,) = await desk.bench.approvals.find(execution=execution.id)
        assert "command.run" not in [task.request.tool for task in desk.delegate.told]
        if request.state is ApprovalState.OPEN:
            await desk.control.give_verdict(request.id, Verdict(True, desk.user))

    state, ended = await desk.carry(execution, meanwhile=approve)
    assert (state, ended["a/one"], ended["a/two"]) == ("succeeded", "succeeded", "succeeded")
    (request,) = await desk.bench.approvals.find(execution=execution.id)
    assert request.state is ApprovalState.USED
    assert (BEGIN_STEP, "a/one") not in bound.asked
    await check_audit(desk)


async def test_a_step_is_decided_about_as_it_begins(desk, bind):
    bound = await bind(BEGIN_STEP, "deny")
    execution = await desk.start(PIPELINE)
    state, ended = await desk.carry(execution)
    assert (state, ended["a/one"]) == ("denied", "denied")
    assert (BEGIN_STEP, "a/one") in bound.asked
    decided = await desk.bench.journal.read(execution=execution.id, kinds=(Kind.DECIDED,))
    rules = {record.body["rules"][0]["rule"] for record in decided if record.body["effect"] == "deny"}
    assert rules == {"house.freeze"}


async def test_without_a_set_that_is_bound_nobody_is_asked(desk):
    execution = await desk.start(PIPELINE)
    await desk.carry(execution)
    decided = await desk.bench.journal.read(execution=execution.id, kinds=(Kind.DECIDED,))
    assert not {record.body["request"]["tool"] for record in decided} & {BEGIN_RUN, BEGIN_STEP}


async def test_branches_that_begin_together_put_one_question_and_share_its_answer(desk, bind):
    await bind(BEGIN_RUN, "ask")
    execution = await desk.start(PIPELINE)

    async def both():
        legs = await asyncio.gather(desk.leg(execution, "a/one"), desk.leg(execution, "a/two"))
        return [leg["state"] for leg in legs]

    assert await both() == ["waiting", "waiting"]
    (request,) = await desk.bench.approvals.find(execution=execution.id)
    await desk.control.give_verdict(request.id, Verdict(True, desk.user))
    assert desk.durable.woken[-1] == (execution.id, "")
    assert await both() == ["succeeded", "succeeded"]
    await check_audit(desk)
