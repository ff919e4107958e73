"""Items of work: what nobody can tell is parked for a person, whose answer counts once and says how it goes on."""

import pytest

from bridle.adapters.sql.work import SqlWork
from bridle.core.errors import InputError, TrustError
from bridle.delegate.effectors.server import Called
from bridle.gate.action import Asked
from bridle.operating.work import Undoing, WorkDesk
from bridle.trust.audit import verify_journal
from bridle.trust.journal import Entry, JournalError, Kind
from bridle.trust.notary import Author
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.work_items import Settlement

from .conftest import describe_cashier

ENTRIES = """
  refund:
    effect: consequential
    recovery: keyed
    key: key
    once: [order]
    risk: low
    control: {order: id}
    compensation: {tool: mcp.shop.void, arguments: {order: <+inputs.arguments.order>}}
  void: {effect: consequential, control: {order: id}}
  mark:
    effect: consequential
    once: [order]
    risk: low
    control: {order: id}
    compensation: {tool: mcp.shop.void, arguments: {order: <+inputs.value.structured.id>}}
"""
AGENT = describe_cashier("mcp.shop.refund", "mcp.shop.mark")
ORDER = {"order": "A-1"}
LOST = Called("unknown", why="the connection was closed")
BOSS = Author("user:boss", comment="looked at the ledger")
pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def scene(scene):
    await scene.equip(AGENT, ENTRIES, "refund", "void", "mark")
    for name, kind, may in (
        ("boss", PrincipalKind.USER, {"work:settle", "mcp:*"}),
        ("clerk", PrincipalKind.USER, {"mcp:*"}),
        ("robot", PrincipalKind.AGENT, {"work:settle", "mcp:*"}),
    ):
        who = Principal(kind, name, "user:ana", frozenset(may))
        entry = Entry(Kind.PRINCIPAL_REGISTERED, "", who.id, who.to_json())
        await scene.store.journal.append([entry], [RegisterPrincipal(who, None)])
    return scene


@pytest.fixture
def desk(scene):
    return make_desk(scene)


def make_desk(scene, **changes):
    work, notary = SqlWork(scene.store.database), scene.notary(**changes)
    return WorkDesk(journal=scene.store.journal, work=work, notary=notary)


def make_undoing(scene, desk):
    parts = {name: scene.parts[name] for name in ("gate", "journal", "clock")}
    return Undoing(desk=desk, manifests=scene.ports.manifests, **parts)


async def lose(scene, tool="refund"):
    """Call a tool whose answer is lost for good; return the caller."""
    caller = await scene.enter(uses="acme.cashier@1.0.0")
    scene.shop.answers = [LOST] * (3 if tool == "refund" else 1)
    assert (await scene.door.call(caller, f"shop__{tool}", ORDER)).status == "unknown"
    return caller


async def parked(desk):
    (one,) = await desk.find()
    return one


async def again(scene, tool="refund"):
    return await scene.door.call(await scene.enter(uses="acme.cashier@1.0.0"), f"shop__{tool}", ORDER)


async def verify(scene):
    records = await scene.store.journal.read()
    return verify_journal(
        records,
        checkpoints=[await scene.store.journal.checkpoint()],
        control_plane=scene.store.signer.verifier,
    )


async def test_what_nobody_can_tell_is_parked_with_its_reason_and_owner(scene, desk):
    caller = await lose(scene)
    told = (await parked(desk)).to_json()
    assert (told["stream"], told["tool"], told["owner"]) == (caller.session.id, "mcp.shop.refund", "acme")
    assert "the connection was closed" in told["reason"]
    assert told["offers"] == ["done", "not-done", "retry", "compensate"]


async def test_done_stays_done(scene, desk):
    await lose(scene)
    await desk.settle((await parked(desk)).item.id, Settlement.DONE, by=BOSS)
    assert (await again(scene)).told["rule"] == "recovery.done"
    assert await desk.find() == []
    await verify(scene)


async def test_what_was_not_done_may_be_tried_again(scene, desk):
    await lose(scene)
    await desk.settle((await parked(desk)).item.id, Settlement.NOT_DONE, by=BOSS)
    assert (await again(scene)).status in ("succeeded", "waiting")


async def test_the_very_same_key_is_sent_again_once(scene, desk):
    await lose(scene)
    await desk.settle((await parked(desk)).item.id, Settlement.RETRY, by=BOSS)
    scene.shop.answers = [LOST] * 3
    assert (await again(scene)).status == "unknown"
    assert (await again(scene)).told["rule"] == "recovery.open"
    assert len({arguments["key"] for _, arguments in scene.shop.called}) == 1


async def test_what_is_sent_again_is_the_very_call_that_the_person_saw(scene, desk):
    await lose(scene)
    await desk.settle((await parked(desk)).item.id, Settlement.RETRY, by=BOSS)
    caller = await scene.enter(uses="acme.cashier@1.0.0")
    more = await scene.door.call(caller, "shop__refund", {**ORDER, "amount": "900.00"})
    assert (more.status, more.told["rule"]) == ("denied", "recovery.another")
    same = {"order": "#A-1"}  # in another spelling
    assert (await scene.door.call(caller, "shop__refund", same)).told.get("rule") != "recovery.another"
    assert "amount" not in {name for _, arguments in scene.shop.called for name in arguments}


async def test_the_second_answer_is_refused_and_changes_nothing(scene, desk):
    await lose(scene)
    item = (await parked(desk)).item.id
    await desk.settle(item, Settlement.DONE, by=BOSS)
    with pytest.raises(InputError, match="settled already"):
        await desk.settle(item, Settlement.NOT_DONE, by=BOSS)
    assert (await again(scene)).told["rule"] == "recovery.done"


@pytest.mark.parametrize("who", ["user:clerk", "agent:robot", "user:nobody"])
async def test_only_a_person_who_holds_it_settles_work(scene, desk, who):
    await lose(scene)
    with pytest.raises(TrustError):
        await desk.settle((await parked(desk)).item.id, Settlement.DONE, by=Author(who))
    assert (await again(scene)).told["rule"] == "recovery.open"


async def test_where_own_keys_are_wanted_no_other_word_settles_work(scene):
    await lose(scene)
    desk = make_desk(scene, own_keys=True)
    with pytest.raises(TrustError):
        await desk.settle((await parked(desk)).item.id, Settlement.DONE, by=BOSS)


async def test_where_own_keys_are_wanted_nothing_is_undone_on_another_word(scene):
    await lose(scene)
    desk = make_desk(scene, own_keys=True)
    called = list(scene.shop.called)
    with pytest.raises(TrustError, match="own key"):
        await make_undoing(scene, desk).undo((await parked(desk)).item.id, by=BOSS)
    decided = await scene.store.journal.read(execution="work", kinds=(Kind.DECIDED,))
    assert (scene.shop.called, decided) == (called, [])


async def test_a_retry_that_no_target_would_know_is_not_offered(scene, desk):
    await lose(scene, "mark")
    with pytest.raises(InputError, match="not offered"):
        await desk.settle((await parked(desk)).item.id, Settlement.RETRY, by=BOSS)


async def test_what_undoes_it_goes_through_the_gate_which_asks(scene, desk):
    await lose(scene)
    undoing = make_undoing(scene, desk)
    item = (await parked(desk)).item.id
    asked = await undoing.undo(item, by=BOSS)
    assert isinstance(asked, Asked)
    assert "void" not in {tool for tool, _ in scene.shop.called}
    await scene.approve(asked.approval)
    settled = await undoing.undo(item, by=BOSS)
    assert settled.settled.body["answer"] == "compensate"
    assert scene.shop.called[-1] == ("void", {"order": "A-1"})
    await verify(scene)


async def test_what_undoes_it_and_needs_what_nobody_knows_is_refused(scene, desk):
    await lose(scene, "mark")
    undoing = make_undoing(scene, desk)
    with pytest.raises(InputError, match="which nobody knows"):
        await undoing.undo((await parked(desk)).item.id, by=BOSS)


async def test_an_answer_that_nobody_signed_is_found_by_the_audit(scene, desk):
    await lose(scene)
    one = await parked(desk)
    await desk.settle(one.item.id, Settlement.DONE, by=BOSS)
    settled = (await desk.show(one.item.id)).settled
    forged = {**settled.body, "comment": "nobody looked"}
    await lose_another(scene)
    (other,) = await desk.find()
    body = {**forged, "item": other.item.id, "action": other.parked.body["action"]}
    await scene.store.journal.append([Entry(Kind.WORK_SETTLED, other.item.stream, other.item.id, body)])
    with pytest.raises(JournalError):
        await verify(scene)


async def lose_another(scene):
    caller = await scene.enter(uses="acme.cashier@1.0.0")
    scene.shop.answers = [LOST]
    assert (await scene.door.call(caller, "shop__mark", ORDER)).status == "unknown"
