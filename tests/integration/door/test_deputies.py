"""Delegation: who answers in another's place, what it is recorded as, and what the audit makes of it."""

from datetime import timedelta

import pytest

from bridle.core.errors import InputError, TrustError
from bridle.engine.answering import Verdict
from bridle.gate.approvals import ApprovalState
from bridle.trust.audit import verify_journal
from bridle.trust.deputy_desk import DeputyDesk
from bridle.trust.journal import GENESIS, Entry, JournalError, Kind, seal, unseal
from bridle.trust.notary import Author
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from support.people import PeopleInMemory

PAY = {"order": "A-1001"}
SHOP = {"tool": "mcp.shop.*"}
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def people():
    known = PeopleInMemory()
    known.add("ana", account="boss", groups=("release",))
    for name in ("ben", "cy"):
        known.add(name)
    return known


@pytest.fixture
def deputies(scene, people):
    return DeputyDesk(journal=scene.store.journal, notary=scene.notary(people), clock=scene.clock)


async def name(deputies, scope=SHOP, *, lasts=timedelta(hours=2), to="ben", by="ana"):
    return await deputies.name(to, scope, lasts=lasts, reason="away", by=Author("user:ana", by))


async def answer(scene, people, approval, *, by="ben", behalf="ana", approved=True):
    ana = await scene.parts["principals"].get("user:ana")
    return await scene.desk(people).give(approval, Verdict(approved, ana, name=by, behalf=behalf))


async def ask(scene):
    caller = await scene.enter()
    asked = await scene.door.call(caller, "shop__pay", PAY)
    return caller, asked.told["approval"]


async def test_a_deputy_s_word_lets_the_call_through_and_is_recorded_as_both(scene, people, deputies):
    named = await name(deputies)
    caller, approval = await ask(scene)
    assert (await answer(scene, people, approval)).given == ("person:ben for person:ana",)
    done = await scene.door.call(caller, "shop__pay", PAY, approval=approval)
    assert done.status == "succeeded"
    (word,) = await scene.records(caller, Kind.APPROVAL_VERDICT)
    assert (word.body["person"]["name"], word.body["behalf"]["person"]["name"]) == ("ben", "ana")
    assert word.body["behalf"]["naming"]["id"] == named.id
    assert verify(scene, await scene.store.journal.read()).open_intents == ()


async def test_without_a_naming_that_covers_it_nobody_answers_for_another(scene, people, deputies):
    caller, approval = await ask(scene)
    await name(deputies, {"tool": "mcp.mail.*"})
    await name(deputies, {"environment": "*"})
    await name(deputies, to="cy")
    over = await name(deputies)
    await deputies.dismiss(over.id, by=Author("user:ana", "ana"))
    for by, behalf in (("ben", "ana"), ("cy", "ben"), ("ana", "ben"), ("", "ana"), ("ben", "dan")):
        with pytest.raises(TrustError):
            await answer(scene, people, approval, by=by, behalf=behalf)
    assert (await scene.approvals.get(approval)).state is ApprovalState.OPEN
    assert await scene.records(caller, Kind.APPROVAL_VERDICT) == []


async def test_a_naming_ends_by_itself(scene, people, deputies):
    _, approval = await ask(scene)
    await name(deputies)
    scene.clock.advance(timedelta(hours=3))
    with pytest.raises(TrustError, match="has not named"):
        await answer(scene, people, approval)


async def test_nobody_answers_in_another_s_place_what_they_started(scene, people, deputies):
    """The session was opened by user:ana, and that is the account of the person called amy."""
    people.add("amy", account="ana")
    await name(deputies, to="amy")
    _, approval = await ask(scene)
    with pytest.raises(TrustError, match="who started it"):
        await answer(scene, people, approval, by="amy")


async def test_who_was_lent_a_say_cannot_lend_it_on(scene, people, deputies):
    await name(deputies)
    await name(deputies, to="cy", by="ben")
    _, approval = await ask(scene)
    with pytest.raises(TrustError, match="has not named"):
        await answer(scene, people, approval, by="cy", behalf="ana")


async def test_a_delegation_of_nobody_of_everything_or_without_end_is_refused(deputies):
    wrong = [
        {"to": "ana"},
        {"to": "nobody"},
        {"by": ""},
        {"scope": {}},
        {"scope": {"colour": "*"}},
        {"lasts": timedelta(days=91)},
    ]
    for changes in wrong:
        with pytest.raises((InputError, TrustError)):
            await name(deputies, **changes)


async def test_only_who_named_a_deputy_or_manages_principals_takes_it_back(scene, deputies):
    named = await name(deputies)
    for stranger in (Author("user:ana"), Author("user:ana", "ben"), Author("user:ana", "nobody")):
        with pytest.raises(TrustError, match="ana named this deputy"):
            await deputies.dismiss(named.id, by=stranger)
    assert [deputy.id for deputy, _ in await deputies.active(scene.clock.now())] == [named.id]
    root = Principal(
        PrincipalKind.USER, "root", "user:root", frozenset({"principal:manage", "approval:verdict"})
    )
    entry = Entry(Kind.PRINCIPAL_REGISTERED, "", root.id, root.to_json())
    await scene.store.journal.append([entry], [RegisterPrincipal(root, None)])
    await deputies.dismiss(named.id, by=Author(root.id))
    assert await deputies.active(scene.clock.now()) == []
    verify(scene, await scene.store.journal.read())


async def test_the_audit_finds_a_word_of_a_deputy_who_had_been_dismissed(scene, people, deputies):
    named = await name(deputies)
    _, approval = await ask(scene)
    await answer(scene, people, approval)
    records = await scene.store.journal.read()
    verify(scene, records)
    dismissed = Entry(Kind.DEPUTY_DISMISSED, "deputies", named.id, {"by": "user:ana", "name": "ana"})
    at = next(n for n, record in enumerate(records) if record.kind is Kind.APPROVAL_VERDICT)
    with pytest.raises(JournalError, match="was dismissed before"):
        verify(scene, put_in(records, at, dismissed))


def verify(scene, records):
    return verify_journal(records, checkpoints=[], control_plane=scene.store.signer.verifier)


def put_in(records, at, entry):
    """The same journal, sealed anew with one entry more."""
    told = [
        (one.id, one.at, Entry(one.kind, one.execution, one.subject, one.body), one.raw) for one in records
    ]
    told.insert(at, ("rec_new", records[at].at, entry, {}))
    found, previous = [], GENESIS
    for seq, (record_id, moment, content, raw) in enumerate(told):
        sealed = seal(seq=seq, record_id=record_id, at=moment, entry=content, raw=raw, previous=previous)
        found.append(unseal(sealed.data, sealed.hash))
        previous = sealed.hash
    return found
