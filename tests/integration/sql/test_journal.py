"""The journal on a real database: order, guards, raw values, checkpoints."""

import asyncio
from datetime import timedelta

import pytest

from bridle.adapters.sql.approvals import SqlApprovals
from bridle.adapters.sql.database import open_database
from bridle.adapters.sql.executions import SqlExecutions
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.schema import journal as journal_table
from bridle.adapters.sql.schema import journal_head
from bridle.adapters.sql.working import WorkingStore
from bridle.core.errors import TrustError
from bridle.core.states import State
from bridle.engine.execution import Execution, MoveExecution, StartExecution
from bridle.engine.retention import DestroyValues
from bridle.gate.approvals import ApprovalState, GiveVerdict, RequestApproval, UseApproval
from bridle.trust.journal import GENESIS, Entry, GuardError, JournalError, Kind, verify_chain
from bridle.trust.log.checkpoint import read_checkpoint


def entry(subject, **raw):
    return Entry(Kind.STEP_STARTED, "exe_1", subject, {"n": 1}, raw)


def execution(name, clock):
    plan = {"name": "p"}
    return Execution(name, "p", plan, "sha256:0", {}, {}, "user:ana", State.RUNNING, "", clock.now())


async def test_records_are_numbered_and_chained_in_the_order_they_were_appended(store):
    await store.journal.append([entry("a"), entry("b")])
    await store.journal.append([entry("c")])
    records = await store.journal.read()
    assert [record.subject for record in records] == ["a", "b", "c"]
    assert verify_chain(records) == 3


async def test_a_changed_row_is_found_by_the_chain(store):
    await store.journal.append([entry("a"), entry("b")])
    forged = (await store.journal.read())[0].data.replace(b'"n":1', b'"n":2')
    with store.database.engine.begin() as connection:
        connection.execute(journal_table.update().where(journal_table.c.seq == 0).values(data=forged))
    with pytest.raises(JournalError, match="do not have its hash"):
        verify_chain(await store.journal.read())


async def test_nothing_is_written_when_a_guard_fails(store, clock):
    guard = UseApproval("apr_none", "sha256:0", clock.now())
    with pytest.raises(GuardError, match="approval apr_none"):
        await store.journal.append([entry("a")], [guard])
    assert await store.journal.read() == []


@pytest.mark.parametrize("kind", [Kind.INTENDED, Kind.OUTCOME])
async def test_a_second_intent_or_outcome_of_one_key_is_not_written(store, kind):
    once = Entry(kind, "exe_1", "exe_1/repair/fix#0.0", {})
    await store.journal.append([once])
    with pytest.raises(GuardError, match="is there already"):
        await store.journal.append([entry("a"), once])
    assert len(await store.journal.read()) == 1


async def test_raw_values_come_back_and_are_not_in_the_database_in_the_clear(store):
    (record,) = await store.journal.append([entry("a", prompt=b"a customer's name")])
    assert await store.journal.reveal(record, "prompt") == b"a customer's name"
    assert b"customer" not in store.at_rest()


async def test_a_raw_value_that_was_destroyed_is_said_to_be_destroyed(store):
    (record,) = await store.journal.append([entry("a", prompt=b"x")])
    await store.journal.append([], [DestroyValues("exe_1")])
    with pytest.raises(TrustError, match="destroyed"):
        await store.journal.reveal(record, "prompt")
    assert verify_chain(await store.journal.read()) == 1


async def test_values_that_shared_a_transaction_with_a_refused_append_come_back_elsewhere(store):
    intent = Entry(Kind.INTENDED, "exe_2", "a", {})
    await store.journal.append([intent])
    values = [Entry(Kind.OUTCOME, "exe_2", name, {}, {"value": b"kept"}) for name in ("a", "b")]
    appends = [store.journal.append([entry]) for entry in (*values, intent)]
    *records, refused = await asyncio.gather(*appends, return_exceptions=True)
    elsewhere = SqlJournal(store.database, WorkingStore(b"w" * 32), store.journal._clock, store.signer)
    assert isinstance(refused, GuardError)
    assert [await elsewhere.reveal(found[0], "value") for found in records] == [b"kept"] * 2


async def test_a_checkpoint_signs_the_size_and_root_of_what_is_committed(store):
    await store.journal.append([entry("a"), entry("b"), entry("c")])
    text = await store.journal.checkpoint()
    checkpoint = read_checkpoint(text, store.signer.verifier, "bridle.local/journal")
    assert checkpoint.size == 3
    assert await store.journal.checkpoints() == [text]


async def test_appends_at_the_same_moment_get_one_order_without_gaps(store):
    await asyncio.gather(*(store.journal.append([entry(str(number))]) for number in range(30)))
    assert verify_chain(await store.journal.read()) == 30


async def test_an_append_that_is_refused_does_not_cost_another_beside_it_its_own(store):
    intents = [Entry(Kind.INTENDED, "exe_1", f"a/{number}", {}) for number in (1, 2, 1, 3)]
    appends = [store.journal.append([intent]) for intent in intents]
    answers = await asyncio.gather(*appends, return_exceptions=True)
    assert [isinstance(answer, GuardError) for answer in answers] == [False, False, True, False]
    assert verify_chain(await store.journal.read()) == 3


SETTINGS = {
    "sqlite": ("PRAGMA synchronous", {True: 2, False: 1}),
    "postgresql": ("SHOW synchronous_commit", {True: "on"}),
}


@pytest.mark.parametrize("synced", [True, False])
async def test_a_write_is_on_the_disk_unless_it_was_said_not_to_need_that(store, synced):
    statement, expected = SETTINGS[store.database.engine.dialect.name]
    setting = await store.database.write(
        lambda connection: connection.exec_driver_sql(statement).scalar_one(), synced=synced
    )
    assert setting == expected.get(synced, "off")


async def test_only_the_beginning_of_a_leg_may_be_lost_in_a_power_cut(store, monkeypatch):
    asked, write = [], store.database.write

    async def note(work, *, synced, shares):
        asked.append(synced)
        return await write(work, synced=synced, shares=shares)

    monkeypatch.setattr(store.database, "write", note)
    for kind in Kind:
        await store.journal.append([Entry(kind, "exe_1", "a", {})])
    lost = {kind for kind, synced in zip(Kind, asked, strict=True) if not synced}
    assert lost == {Kind.STEP_STARTED, Kind.TOKEN_MINTED}


async def test_two_processes_that_change_the_same_rows_in_opposite_order_do_not_block_each_other(
    store, store_url, clock
):
    started = [StartExecution(execution(name, clock)) for name in ("exe_1", "exe_2")]
    await store.journal.append([], started)
    other = open_database(store_url)  # a pool and a writer of its own, as another process has
    journals = [store.journal, SqlJournal(other, store.working, clock, store.signer)]
    moves = [MoveExecution(name, State.WAITING, "", clock.now()) for name in ("exe_1", "exe_2")]
    orders = [(journals[0], moves), (journals[1], moves[::-1])] * 20
    await asyncio.gather(*(journal.append([entry("a")], guards) for journal, guards in orders))
    other.close()
    assert verify_chain(await store.journal.read()) == 40
    assert {item.state for item in await SqlExecutions(store.database).find()} == {State.WAITING}


async def test_two_verdicts_on_one_request_count_once(store, approval):
    await store.journal.append([], [RequestApproval(approval)])
    verdicts = [
        GiveVerdict(approval.id, state, "user:ana", "user:ana", False, "", approval.requested_at)
        for state in (ApprovalState.APPROVED, ApprovalState.DENIED)
    ]
    results = await asyncio.gather(
        *(store.journal.append([entry("v")], [verdict]) for verdict in verdicts), return_exceptions=True
    )
    assert [type(result) for result in results].count(GuardError) == 1


async def test_an_approval_is_used_once(store, approval):
    await store.journal.append([], [RequestApproval(approval)])
    verdict = GiveVerdict(
        approval.id, ApprovalState.APPROVED, "user:ana", "user:ana", False, "", approval.requested_at
    )
    await store.journal.append([], [verdict])
    use = UseApproval(approval.id, approval.action, approval.requested_at)
    await store.journal.append([], [use])
    with pytest.raises(GuardError):
        await store.journal.append([], [use])


async def test_an_approval_that_expired_can_neither_be_given_nor_used(store, approval):
    await store.journal.append([], [RequestApproval(approval)])
    late = approval.expires_at + timedelta(seconds=1)
    with pytest.raises(GuardError):
        await store.journal.append(
            [], [GiveVerdict(approval.id, ApprovalState.APPROVED, "user:ana", "user:ana", False, "", late)]
        )
    known = await SqlApprovals(store.database).get(approval.id)
    assert known.state_at(late) is ApprovalState.EXPIRED


async def test_an_approval_is_not_used_for_another_action(store, approval):
    await store.journal.append([], [RequestApproval(approval)])
    await store.journal.append(
        [],
        [
            GiveVerdict(
                approval.id, ApprovalState.APPROVED, "user:ana", "user:ana", False, "", approval.requested_at
            )
        ],
    )
    with pytest.raises(GuardError):
        await store.journal.append([], [UseApproval(approval.id, "sha256:other", approval.requested_at)])


async def test_a_column_that_does_not_say_what_the_bytes_say_is_found(store):
    await store.journal.append([entry("a"), entry("b")])
    with store.database.engine.begin() as connection:
        connection.execute(journal_table.update().where(journal_table.c.seq == 1).values(execution="gone"))
    with pytest.raises(JournalError, match="columns"):
        await store.journal.read()


async def test_a_request_and_a_verdict_are_covered_by_a_checkpoint_at_once(store):
    await store.journal.append([entry("a")])
    assert await store.journal.checkpoints() == []
    await store.journal.append([Entry(Kind.APPROVAL_REQUESTED, "exe_1", "apr_1", {})])
    (text,) = await store.journal.checkpoints()
    assert read_checkpoint(text, store.signer.verifier, "bridle.local/journal").size == 2


OTHER_EDGE = {"frontier": f'[null, "{"0" * 64}"]'}
FAULTS = {
    "size": {"size": 1},
    "hash": {"hash": "0" * 64},
    "an edge that is none": {"frontier": '["00"]'},
    "an edge that is no JSON": {"frontier": "[{"},
    "all of it": {"size": 0, "hash": GENESIS, "frontier": "[]"},
}


async def audit_head(store, records):
    head = await store.journal.head()
    head.check(records, signer=store.signer.verifier.keyid)
    head.check_holds(records)


async def write_head(store, **fault):
    await store.database.write(lambda connection: connection.execute(journal_head.update().values(**fault)))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
async def test_a_head_that_is_not_that_of_the_last_record_is_followed_by_nobody(store, clock, fault):
    await store.journal.append([entry("a"), entry("b")])
    other = SqlJournal(store.database, store.working, clock, store.signer)
    await write_head(store, **fault)
    for journal in (store.journal, other):
        with pytest.raises(JournalError, match="journal_head"):
            await journal.append([entry("c")])


async def test_an_edge_of_another_tree_is_not_followed_by_who_wrote_the_right_one(store):
    await store.journal.append([entry("a"), entry("b")])
    await write_head(store, **OTHER_EDGE)
    with pytest.raises(JournalError, match="journal_head"):
        await store.journal.append([entry("c")])


@pytest.mark.parametrize("fault", [*FAULTS.values(), OTHER_EDGE, {"signer": "another"}], ids=str)
async def test_an_audit_finds_what_is_wrong_with_the_head(store, fault):
    records = await store.journal.append([entry("a"), entry("b")])
    await audit_head(store, records)
    await write_head(store, **fault)
    with pytest.raises(JournalError, match="journal_head"):
        await audit_head(store, records)
