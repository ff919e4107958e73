"""What a case holds of people: masked in the journal, whole for whoever works on it, and gone by rule once the case is closed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.retention import SqlHistory
from bridle.adapters.sql.work import SqlWork
from bridle.core.errors import InputError
from bridle.delegate.effectors.server import Called
from bridle.engine.retention import Retention
from bridle.gate.action import Done
from bridle.gate.attempts import EndAttempt
from bridle.operating.erasure import Erasure, Request
from bridle.operating.explaining.explain import describe
from bridle.operating.explaining.lookup import find_action
from bridle.operating.session import CloseSession
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Kind
from bridle.trust.principals import RegisterPrincipal
from bridle.trust.work_items import SettleWork
from integration.sql.test_retention import FakeEngineHistory

MAIL = "ben@example.org"
MONTH = timedelta(days=30)
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def worked_on(scene):
    """A case with a note, a reason and a question to a person that all speak of somebody; return it with its session."""
    case = await scene.case()
    await scene.do("note", case, text=f"{MAIL} rang", said_by=MAIL)
    caller = await scene.work_on(case)
    assert (await scene.door.call(caller, "shop__pay", {"order": MAIL})).status == "waiting"
    return case, caller.session.id


@pytest.fixture
def history(scene):
    return SqlHistory(scene.store.database, scene.store.working)


@pytest.fixture
def remove(scene, history):
    retention = Retention(
        journal=scene.store.journal, history=history, engine=FakeEngineHistory(), clock=scene.clock
    )

    async def remove():
        return await retention.remove(older_than=MONTH, by="user:ana")

    return remove


async def close(scene, case):
    await scene.do("move", case, to="stuck", reason=f"{MAIL} does not answer")
    assert isinstance(await scene.do("move", case, to="closed"), Done)


async def told_of(scene, case):
    told = (await scene.do("show", case)).value
    return told["conversation"][0]["text"], str(told["history"])


def in_the_journal(records):
    return [one.kind for one in records if MAIL.encode() in one.data]


async def test_the_journal_has_it_masked_and_who_works_on_the_case_has_it_whole(scene, worked_on):
    case, _ = worked_on
    await close(scene, case)
    text, events = await told_of(scene, case)
    assert text == f"{MAIL} rang"
    assert f"{MAIL} does not answer" in events
    assert in_the_journal(await scene.store.journal.read()) == []
    found, _ = await scene.book.get(case)
    assert found.state == "closed"


async def test_what_an_open_case_holds_is_kept_however_old_with_its_sessions(scene, worked_on, remove):
    case, _ = worked_on
    scene.clock.advance(MONTH * 20)
    assert await remove() == []
    assert (await told_of(scene, case))[0] == f"{MAIL} rang"


async def test_by_rule_it_is_gone_a_while_after_the_case_is_closed_and_all_still_verifies(
    scene, worked_on, remove
):
    case, session = worked_on
    await close(scene, case)
    scene.clock.advance(MONTH - timedelta(days=1))
    assert case not in await remove()
    scene.clock.advance(timedelta(days=2))
    assert await remove() == [case, session]
    assert await remove() == []
    assert MAIL.encode() not in scene.store.at_rest()
    text, events = await told_of(scene, case)
    assert "[personal:mail:" in text
    assert MAIL not in events
    records = await scene.store.journal.read()
    checkpoint = await scene.store.journal.checkpoint()
    verify_journal(records, checkpoints=[checkpoint], control_plane=scene.store.signer.verifier)
    (moved, *_) = [one for one in records if one.kind is Kind.DECIDED and one.execution == case]
    told = describe(await find_action(scene.store.journal, moved.subject))
    assert told["outcome"]["status"] == "succeeded"
    assert told["removed"][0]["removed"] == ["engine-history", "raw-values", "shown-to-approvers"]
    await scene.do("note", case, text=f"{MAIL} rang again")  # what is written later goes as well
    scene.clock.advance(MONTH * 2)
    assert await remove() == [case]
    asked = await scene.approvals.find(execution=session)
    assert [(one.shown, one.tool) for one in asked] == [({}, "mcp.shop.pay")]


async def test_a_closed_case_is_erased_at_request_with_its_sessions(scene, worked_on, history):
    case, session = worked_on
    principals = scene.parts["principals"]
    erasure = Erasure(
        journal=scene.store.journal,
        executions=SqlExecutions(scene.store.database),
        sessions=scene.sessions,
        principals=principals,
        engine=FakeEngineHistory(),
        traces=history,
    )
    ana = await principals.get("user:ana")
    may = replace(ana, permissions=ana.permissions | {"history:erase"})
    await scene.store.journal.append([], [RegisterPrincipal(may, ana)])
    wanted = Request("user:ana", "GDPR Art. 17")
    await close(scene, case)
    with pytest.raises(InputError, match="a session of it is"):
        await erasure.erase(case, wanted)
    await scene.store.journal.append([], [CloseSession(session)])
    assert await erasure.erase(case, wanted) == [case, session]
    assert MAIL.encode() not in scene.store.at_rest()


async def test_what_somebody_has_still_to_settle_is_kept_however_old(scene, remove):
    caller = await scene.enter()
    scene.shop.answers = [Called("unknown", why="the connection was closed")]
    assert (await scene.door.call(caller, "shop__note", {"order": MAIL})).status == "unknown"
    scene.clock.advance(MONTH * 20)
    assert await remove() == []
    (item,) = await SqlWork(scene.store.database).find()
    await scene.store.journal.append([], [SettleWork(item.id), EndAttempt(item.key, "failed")])
    assert await remove() == [caller.session.id]
