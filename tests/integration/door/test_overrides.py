"""Emergency overrides at the door: who opens one, where and how long it counts, and what of it stands in the journal."""

from datetime import timedelta

import pytest

from bridle.core.errors import InputError, TrustError
from bridle.operating.session import TaskRequest
from bridle.trust.journal import Entry, JournalError, Kind
from bridle.trust.notary import Author
from bridle.trust.overrides import LONGEST, STREAM, OverrideDesk
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.trail import Trail

PAY = {"order": "A-1001"}
MAIL = {"tool": "mcp.shop.*"}
BOSS = Author("user:boss")
pytestmark = pytest.mark.parametrize(
    "store_url", ["sqlite"], indirect=True
)  # what differs by store is in test_sessions


@pytest.fixture
async def desk(scene):
    boss = Principal(PrincipalKind.USER, "boss", "user:boss", frozenset({"policy:override"}))
    entry = Entry(Kind.PRINCIPAL_REGISTERED, "", boss.id, boss.to_json())
    await scene.store.journal.append([entry], [RegisterPrincipal(boss, None)])
    desk = OverrideDesk(journal=scene.store.journal, notary=scene.notary(), clock=scene.clock)
    scene.ports.facts.overrides = desk
    return desk


async def enter(scene):
    return await scene.enter(request=TaskRequest("Pay somebody back", {}))


async def open_one(desk, scope=MAIL, **changes):
    given = {"reason": "the approvers are away", "lasts": timedelta(hours=1), "by": BOSS}
    return await desk.open(scope, **{**given, **changes})


async def pay(scene, caller):
    return (await scene.door.call(caller, "shop__pay", PAY)).status


async def test_what_would_ask_is_done_while_it_counts_and_the_decision_names_it(scene, desk):
    caller = await enter(scene)
    override = await open_one(desk)
    assert await pay(scene, caller) == "succeeded"
    (decided,) = await scene.records(caller, Kind.DECIDED)
    assert decided.body["rules"][0]["rule"] == "override.emergency"
    assert decided.body["facts"]["override"]["id"] == override.id


async def test_it_ends_by_itself(scene, desk):
    caller = await enter(scene)
    await open_one(desk, lasts=timedelta(minutes=1))
    scene.clock.advance(timedelta(minutes=1))
    assert await pay(scene, caller) == "waiting"


async def test_it_ends_when_it_is_closed(scene, desk):
    caller = await enter(scene)
    override = await open_one(desk)
    await desk.close(override.id, by=BOSS)
    assert await pay(scene, caller) == "waiting"
    with pytest.raises(InputError, match="counts now"):
        await desk.close(override.id, by=BOSS)


async def test_it_counts_in_its_scope_alone(scene, desk):
    caller = await enter(scene)
    await open_one(desk, {"tool": "mcp.mail.*"})
    await open_one(desk, {"environment": "*"})
    assert await pay(scene, caller) == "waiting"


async def test_what_is_denied_stays_denied(scene, desk):
    caller = await enter(scene)
    await open_one(desk)
    await scene.set_state("agent:acme.clerk", Lifecycle.SUSPENDED)
    assert await pay(scene, caller) != "succeeded"
    assert scene.shop.called == []


@pytest.mark.parametrize("by", ["user:ana", "user:nobody", "agent:acme.clerk"])
async def test_only_who_holds_the_permission_opens_or_closes_one(scene, desk, by):
    await enter(scene)
    override = await open_one(desk)
    with pytest.raises(TrustError):
        await open_one(desk, by=Author(by))
    with pytest.raises(TrustError):
        await desk.close(override.id, by=Author(by))


@pytest.mark.parametrize(
    ("scope", "changes"),
    [
        ({}, {}),
        ({"planet": "x"}, {}),
        (MAIL, {"reason": "because"}),
        (MAIL, {"lasts": LONGEST + timedelta(seconds=1)}),
        (MAIL, {"lasts": timedelta(0)}),
    ],
)
async def test_one_without_a_scope_a_reason_or_an_end_is_refused(desk, scope, changes):
    with pytest.raises(InputError):
        await open_one(desk, scope, **changes)


async def forge(scene, desk, change):
    """Write a record that nobody signed as it stands."""
    override = await open_one(desk)
    (record,) = await scene.store.journal.read(execution=STREAM)
    await desk.close(override.id, by=BOSS)
    await scene.store.journal.append(
        [Entry(Kind.OVERRIDE_OPENED, STREAM, "ovr_forged", {**record.body, **change})]
    )


@pytest.mark.parametrize(
    "change", [{}, {"id": "ovr_forged"}, {"id": "ovr_forged", "signatures": {}}, {"scope": {"tool": "*"}}]
)
async def test_a_record_that_is_not_signed_counts_for_nothing_and_the_audit_names_it(scene, desk, change):
    caller = await enter(scene)
    await forge(scene, desk, change)
    assert await pay(scene, caller) == "waiting"
    records = await scene.store.journal.read()
    with pytest.raises(JournalError, match=r"override|signature"):
        follow(scene, records)


async def test_the_audit_follows_an_override_and_misses_one_that_is_not_there(scene, desk):
    caller = await enter(scene)
    await open_one(desk)
    assert await pay(scene, caller) == "succeeded"
    records = await scene.store.journal.read()
    follow(scene, records)
    with pytest.raises(JournalError, match="no override that counted"):
        follow(scene, [record for record in records if record.kind is not Kind.OVERRIDE_OPENED])


def follow(scene, records):
    trail = Trail(scene.store.signer.keys)
    for record in records:
        trail.follow(record)
