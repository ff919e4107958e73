"""Seed 5's question, six months later: the keys were rotated, the policy was replaced, the agent retired, retention ran and a
person's data were erased. The action is still explained, and what is said of it verifies."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.adapters.rego.policy_set import ANSWER
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.retention import SqlHistory
from bridle.adapters.sql.rotations import load_rotations
from bridle.adapters.sql.sessions import SqlSessions
from bridle.app.rotating import FILES, Rotation, finish_rotation, rotate_control_plane
from bridle.core.canonical import digest
from bridle.core.states import State
from bridle.engine.execution import Execution, MoveExecution, StartExecution
from bridle.engine.retention import Retention
from bridle.gate.action import Done
from bridle.operating.erasure import PERMISSION, Erasure, Request
from bridle.operating.explaining.explain import describe, records_of
from bridle.operating.explaining.lookup import find_action
from bridle.operating.explaining.retelling import retell
from bridle.operating.explaining.vouched import vouch
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import load_signer
from bridle.trust.lifecycle import Change
from bridle.trust.log.checkpoint import claimed_size
from bridle.trust.notary import Author, Notary
from bridle.trust.principals import RegisterPrincipal
from bridle.trust.registry import MANAGE, Registry
from bridle.trust.texts import POLICY, keep_texts
from integration.gate.test_approval import push, verdict
from integration.sql.test_retention import FakeEngineHistory
from support.people import PeopleInMemory

pytestmark = pytest.mark.parametrize(
    "store_url", ["sqlite"], indirect=True
)  # what differs by store is tested elsewhere
HALF_A_YEAR = timedelta(days=183)
ANA = "user:ana"


@pytest.fixture
async def past(store, scene, made_commit, clock, policy_set):
    """An agent's commit, pushed with a person's word, in an execution that has ended."""
    started = Execution("exe_1", "p", {}, "", {"to": "ben"}, {}, ANA, State.RUNNING, "", clock.now())
    begun = Entry(
        Kind.EXECUTION_STARTED, "exe_1", "exe_1", {"pipeline": "repair", "initiator": ANA, "options": {}}
    )
    await keep_texts(store.journal, POLICY, [{"modules": dict(policy_set.modules), "answer": ANSWER}])
    await store.journal.append([begun], [StartExecution(started)])
    asked = await scene.gate.perform(push(scene))
    await verdict(scene, asked.approval)
    assert isinstance(await scene.gate.perform(push(scene)), Done)
    await store.journal.append([], [MoveExecution("exe_1", State.SUCCEEDED, "", clock.now())])
    await store.journal.checkpoint()
    return store.signer.verifier


@pytest.fixture
async def journal(store, past, clock):
    """The journal half a year later, signed by the key of then."""
    clock.advance(HALF_A_YEAR)
    await rotate_control_plane(store.journal, store.signer, Rotation(by=ANA), folder=store.folder)
    path = store.folder / "control-plane.key"
    signer = finish_rotation(path, load_signer(path), load_rotations(store.database, FILES))
    later = SqlJournal(store.database, store.working, clock, signer)
    await keep_texts(later, POLICY, [{"modules": {"base.rego": "package now"}}])
    await retire(store, later, signer)
    retention = Retention(
        journal=later,
        history=SqlHistory(store.database, store.working),
        engine=FakeEngineHistory(),
        clock=clock,
    )
    assert await retention.remove(older_than=timedelta(days=30), by=ANA) == ["exe_1"]
    erasure = Erasure(
        journal=later,
        executions=SqlExecutions(store.database),
        sessions=SqlSessions(store.database),
        principals=SqlPrincipals(store.database),
        engine=FakeEngineHistory(),
        traces=SqlHistory(store.database, store.working),
    )
    await erasure.erase("exe_1", Request(ANA, "GDPR Art. 17"))
    await later.checkpoint()
    return later


async def retire(store, journal, signer):
    principals = SqlPrincipals(store.database)
    ana = await principals.get(ANA)
    held = replace(ana, permissions=ana.permissions | {MANAGE, PERMISSION})
    await journal.append([], [RegisterPrincipal(held, ana)])
    notary = Notary(principals=principals, people=PeopleInMemory(), signer=signer)
    registry = Registry(journal=journal, principals=principals, notary=notary)
    await registry.change("agent:fixer", Change.RETIRE, by=Author(ANA, comment="replaced"))


async def explain(journal, key):
    found = await find_action(journal, push_key())
    told = describe(found)
    checkpoint = (await journal.checkpoints())[-1]
    leaves = await journal.leaves(claimed_size(checkpoint))
    return told, vouch(found, records_of(found, told), key=key, checkpoint=checkpoint, leaves=leaves)


def push_key():
    return "exe_1/repair/fix#0.0"


async def test_the_action_is_still_explained_and_verifies_with_the_key_of_today(journal):
    told, vouched = await explain(journal, journal._signer.verifier)
    assert vouched.faults == ()
    assert vouched.covered == vouched.records
    assert told["made_by"]["id"] == "agent:fixer"
    assert told["made_by"]["then"]["digest"] == "sha256:a"
    assert [change["change"] for change in told["made_by"]["since"]] == ["retire"]
    assert told["authority"]["initiator"]["id"] == ANA
    assert told["authority"]["scope"]
    assert told["decisions"][0]["rules"][0]["rule"] == "git.push.needs-approval"
    assert told["approvals"][0]["words"][0]["by"] == ANA
    assert told["outcome"]["status"] == "succeeded"
    assert [removal.get("rule") for removal in told["removed"]] == [None, "GDPR Art. 17"]


async def test_it_verifies_with_the_key_of_then_as_well(journal, past):
    _, vouched = await explain(journal, past)
    assert vouched.holds
    records, checkpoints = await journal.read(), await journal.checkpoints()
    assert verify_journal(records, checkpoints=checkpoints, control_plane=past).checkpoints == len(
        checkpoints
    )


async def test_the_sentences_say_what_was_then_and_what_became_of_it(journal):
    told, vouched = await explain(journal, journal._signer.verifier)
    text = "\n".join(retell({**told, "verified": vouched.to_json()}))
    assert "What it ships was made by agent:fixer, version 1.0.0 (sha256:a)." in text
    assert "retire by user:ana; it is retired." in text
    assert "Raw values were erased on 2026-08-31 12:00:00 UTC by user:ana, by rule 'GDPR Art. 17'" in text
    assert "0 faults" in text


async def test_the_policy_of_then_can_still_be_read_beside_the_one_of_now(journal, policy_set):
    told, _ = await explain(journal, journal._signer.verifier)
    then = await journal.get(told["policy"]["text"]["record"])
    assert told["policy"]["digest"] == digest(then.body["content"])
    assert then.body["content"]["modules"] == dict(policy_set.modules)
    assert len(await journal.read(kinds=(Kind.TEXT_KEPT,))) == 2
