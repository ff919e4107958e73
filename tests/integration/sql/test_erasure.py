"""Erasure on a real store: what was held of people is gone, the journal verifies, and nothing else is touched."""

from dataclasses import replace

import pytest

from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.retention import SqlHistory
from bridle.adapters.sql.sessions import SqlSessions
from bridle.core.errors import InputError, TrustError
from bridle.core.states import State
from bridle.engine.execution import Execution, MoveExecution, StartExecution
from bridle.engine.rerun import find_reuse
from bridle.operating.erasure import Erasure, Request
from bridle.operating.session import CloseSession, OpenSession, Session
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, Kind
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from integration.sql.test_retention import FakeEngineHistory

WANTED = Request("user:ana", "GDPR Art. 17, ticket 4711")
MAIL = "ben@example.org"


@pytest.fixture
async def erasure(store):
    ana = Principal(PrincipalKind.USER, "ana", "user:ana", frozenset({"history:erase"}))
    eve = Principal(PrincipalKind.USER, "eve", "user:eve", frozenset({"execution:start"}))
    await store.journal.append([], [RegisterPrincipal(ana, None), RegisterPrincipal(eve, None)])

    def make(*live):
        return Erasure(
            journal=store.journal,
            executions=SqlExecutions(store.database),
            sessions=SqlSessions(store.database),
            principals=SqlPrincipals(store.database),
            engine=FakeEngineHistory(*live),
            traces=SqlHistory(store.database, store.working),
        )

    return make


@pytest.fixture
async def keep(store, clock):
    async def make(name, state=State.SUCCEEDED, *, mail=MAIL, **options):
        started = Execution(
            name, "p", {}, "", {"to": mail}, options, "user:ana", State.RUNNING, "", clock.now()
        )
        entry = Entry(Kind.STEP_ENDED, name, "a/b", {"state": "succeeded"}, raw={"value": mail.encode()})
        move = MoveExecution(name, state, "", clock.now())
        (record,) = await store.journal.append([entry], [StartExecution(started), move])
        return record

    return make


async def gone(store, record):
    with pytest.raises(TrustError, match="destroyed"):
        await store.journal.reveal(record, "value")
    return True


async def test_raw_values_inputs_and_those_of_children_are_gone_and_the_journal_verifies(
    store, keep, erasure
):
    own, child, other = await keep("exe_1"), await keep("exe_2", parent="exe_1"), await keep("exe_3")
    before = [record.data for record in await store.journal.read()]
    assert await erasure().erase("exe_1", WANTED) == ["exe_1", "exe_2"]
    assert await gone(store, own)
    assert await gone(store, child)
    assert await store.journal.reveal(other, "value") == MAIL.encode()
    assert (await SqlExecutions(store.database).get("exe_1")).inputs == {}
    records = await store.journal.read()
    assert [record.data for record in records][: len(before)] == before
    assert verify_journal(records, checkpoints=[], control_plane=store.signer.verifier).records == len(
        records
    )
    assert records[-1].body["rule"] == WANTED.rule


async def test_who_is_mentioned_is_found_in_sealed_values_and_in_inputs(store, keep, erasure):
    await keep("exe_1")
    await keep("exe_2", mail="cy@example.org")
    history = SqlHistory(store.database, store.working)
    assert await history.mentioning(MAIL) == ["exe_1"]
    await erasure().erase("exe_1", WANTED)
    assert await history.mentioning(MAIL) == []


async def test_nothing_of_the_person_lies_in_the_store_afterwards(store, keep, erasure):
    await keep("exe_1")
    assert MAIL.encode() in store.at_rest()
    await erasure().erase("exe_1", WANTED)
    assert MAIL.encode() not in store.at_rest()


async def test_the_salt_is_destroyed_so_that_no_digest_can_be_tried_out(store, keep, erasure):
    (record, other) = (await keep("exe_1"), await keep("exe_2"))

    def try_out(record):
        with store.database.engine.connect() as connection:
            key = store.working.find_key(connection, record.execution)
        return key is not None and key.commit_to(MAIL.encode()) == record.raw["value"]

    assert try_out(record)
    await erasure().erase("exe_1", WANTED)
    assert (try_out(record), try_out(other)) == (False, True)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", [State.WAITING, State.RUNNING, State.PAUSED])
async def test_what_has_not_ended_is_not_erased(store, keep, erasure, state):
    record = await keep("exe_1", state)
    with pytest.raises(InputError, match="has not ended"):
        await erasure().erase("exe_1", WANTED)
    assert await store.journal.reveal(record, "value") == MAIL.encode()


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_the_engine_still_carries_is_not_erased(store, keep, erasure):
    record = await keep("exe_1")
    with pytest.raises(InputError, match="has not ended"):
        await erasure("exe_1").erase("exe_1", WANTED)
    assert await store.journal.reveal(record, "value") == MAIL.encode()


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (replace(WANTED, by="user:eve"), TrustError),
        (replace(WANTED, by="user:nobody"), TrustError),
        (replace(WANTED, rule=" "), InputError),
    ],
    ids=["without-the-right", "unknown", "without-a-rule"],
)
async def test_nothing_is_erased_for(store, keep, erasure, wanted, error):
    record = await keep("exe_1")
    with pytest.raises(error):
        await erasure().erase("exe_1", wanted)
    assert await store.journal.reveal(record, "value") == MAIL.encode()


async def test_a_session_is_erased_once_it_is_closed(store, clock, erasure):
    session = Session("ses_1", "agent:a", "user:ana", "support", "", "", clock.now(), clock.now())
    entry = Entry(Kind.SESSION_OPENED, "ses_1", "ses_1", {}, raw={"value": MAIL.encode()})
    (record,) = await store.journal.append([entry], [OpenSession(session)])
    with pytest.raises(InputError, match="is open"):
        await erasure().erase("ses_1", WANTED)
    await store.journal.append([], [CloseSession("ses_1")])
    assert await erasure().erase("ses_1", WANTED) == ["ses_1"]
    assert await gone(store, record)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_was_erased_is_not_run_again(store, keep, erasure):
    await keep("exe_1")
    await erasure().erase("exe_1", WANTED)
    executions = SqlExecutions(store.database)
    with pytest.raises(InputError, match="was erased"):
        await find_reuse(store.journal, executions, await executions.get("exe_1"), from_stage="")


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_what_is_not_there_is_not_erased(erasure):
    with pytest.raises(InputError, match="there is no execution, session or case"):
        await erasure().erase("exe_none", WANTED)
