"""A call that is known not to have been done goes to its substitute: another tool, decided anew, and never both."""

import pytest

from bridle.core.errors import UnavailableError
from bridle.delegate.effectors.server import Called
from bridle.gate.external import fill_key
from bridle.gate.rerouting import complain_of_substitute
from bridle.operating.calling import action_of
from bridle.operating.explaining.explain import describe
from bridle.operating.explaining.lookup import gather
from bridle.operating.explaining.retelling import retell
from bridle.trust.audit import verify_journal
from bridle.trust.journal import JournalError, Kind
from bridle.trust.trail import Trail

from .conftest import FakeCrash, describe_cashier
from .two_systems import Points

ENTRY = """
  seek: {effect: read, recovery: read, arguments: {required: [key], properties: {key: {type: string}}}}
  refund:
    effect: consequential
    recovery: keyed
    key: key
    business: refund
    once: [order, amount]
    substitute: {tool: mcp.shop.pay_back, arguments: {receipt: order, amount: amount}%s}
    lookup: {tool: seek, arguments: {key: key}, found: id, after: 1m}
    risk: low
    arguments:
      required: [order, amount, key]
      properties: {order: {type: string}, amount: {type: string}, key: {type: string}}
    control: {order: id, amount: amount}
  pay_back:
    effect: consequential
    recovery: keyed
    key: key
    business: refund
    once: [receipt, amount]
    risk: %s
    arguments:
      required: [receipt, amount, key]
      properties: {receipt: {type: string}, amount: {type: string}, key: {type: string}}
    control: {receipt: id, amount: amount}
"""
AGENT = describe_cashier("mcp.shop.refund", "mcp.shop.pay_back")
BREAKERS = """
breakers:
  refund: {tools: [mcp.shop.refund], per: tool, failures: 2, within: 5m, cool-down: 5m}
  servers: off
  targets: off
"""
REFUND = {"order": "A-1", "amount": "12.50"}
AWAY = UnavailableError("the ledger is away", hint="later")
LOST = Called("unknown", why="the connection was closed")
NO = Called("failed", why="no")
NOT_THERE = Called("succeeded", (), {"id": None})

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def scene(scene, tmp_path, request):
    refused, risk = getattr(request, "param", ("", "low"))
    (tmp_path / "limits.yaml").write_text(BREAKERS)
    await scene.equip(AGENT, ENTRY % (refused, risk), "refund", "pay_back", "seek")
    return scene


async def enter(scene):
    return await scene.enter(uses="acme.cashier@1.0.0")


async def refund(scene, caller, approval="", **changes):
    return await scene.door.call(caller, "shop__refund", {**REFUND, **changes}, approval=approval)


def called(scene):
    return [tool for tool, _ in scene.shop.called]


async def test_what_could_not_be_sent_is_done_by_the_substitute_under_the_same_key_and_once(scene):
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    answer = await refund(scene, caller)
    assert (answer.status, answer.told) == ("succeeded", {"done_by": "shop__pay_back"})
    sent = [arguments["key"] for _, arguments in scene.shop.called]
    assert called(scene) == ["refund", "pay_back"]
    assert sent[0] == sent[1]
    again = [
        await refund(scene, caller),
        await scene.door.call(caller, "shop__pay_back", {"receipt": "A-1", "amount": "12.5"}),
    ]
    assert [one.told["rule"] for one in again] == ["recovery.done"] * 2


async def test_explanations_of_both_name_the_other_and_the_audit_verifies(scene):
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    await refund(scene, caller)
    decided = await scene.records(caller, Kind.DECIDED)
    told = [
        describe(await gather(Archive(scene.store.journal), caller.session.id, one.subject))
        for one in decided[-2:]
    ]
    assert (told[0]["substitute"]["key"], told[0]["substitute"]["status"]) == (
        decided[-1].subject,
        "succeeded",
    )
    assert told[1]["instead"]["key"] == decided[-2].subject
    assert "It stood in for mcp.shop.refund" in "\n".join(retell(told[1]))
    assert "mcp.shop.pay_back was to stand in for it" in "\n".join(retell(told[0]))
    records = await scene.store.journal.read()
    checkpoint = await scene.store.journal.checkpoint()
    verify_journal(records, checkpoints=[checkpoint], control_plane=scene.store.signer.verifier)


async def test_a_breaker_that_is_open_reroutes_and_what_it_did_not_keep_back_is_not(scene):
    caller = await enter(scene)
    scene.shop.answers = [NO, NO]
    for order in ("B-1", "B-2"):
        assert (await refund(scene, caller, order=order)).status == "failed"
    assert (await refund(scene, caller)).told == {"done_by": "shop__pay_back"}
    wrong = await refund(scene, caller, amount="a lot")
    assert (wrong.status, called(scene)) == ("denied", ["refund", "refund", "pay_back"])


async def test_what_is_unknown_or_refused_is_never_rerouted(scene):
    caller = await enter(scene)
    scene.shop.answers = [LOST, LOST, LOST, NOT_THERE, NO]
    assert (await refund(scene, caller)).status == "unknown"
    assert (await refund(scene, caller, order="A-2")).status == "failed"
    assert "pay_back" not in called(scene)


@pytest.mark.parametrize("scene", [(", refused: true", "low")], indirect=True)
async def test_a_refusal_goes_on_where_the_owner_lets_it_and_the_target_does_not_know_the_call(scene):
    caller = await enter(scene)
    scene.shop.answers = [NO, NOT_THERE, Called("succeeded", (), {"id": "R-1"}), NO, LOST]
    assert (await refund(scene, caller)).told == {"done_by": "shop__pay_back"}
    assert (await refund(scene, caller, order="A-2")).status == "failed"
    assert called(scene) == ["refund", "seek", "pay_back", "refund", "seek"]


@pytest.mark.parametrize("scene", [("", "high")], indirect=True)
async def test_the_substitute_is_decided_anew_asks_for_itself_and_is_done_once_approved(scene, tmp_path):
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    asked = await refund(scene, caller)
    assert asked.status == "waiting", asked
    approval = await scene.approvals.get(asked.told["approval"])
    assert approval.tool == "mcp.shop.pay_back"
    assert "out-of-reach" in approval.rests_on["instead"]
    assert (await refund(scene, caller)).told["approval"] == approval.id
    await scene.approve(approval.id)
    other = await refund(scene, caller, approval.id, order="A-9")
    assert other.told["rule"] == "approval.other-call"
    assert (await refund(scene, caller, approval.id)).told == {"done_by": "shop__pay_back"}
    assert called(scene) == ["refund", "pay_back"]


async def test_a_substitute_that_the_agent_may_not_use_leaves_the_first_answer(scene, tmp_path):
    agent = tmp_path / "agents" / "acme.cashier" / "1.0.0.md"
    agent.write_text(AGENT.replace(", mcp.shop.pay_back", ""))
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    answer = await refund(scene, caller)
    assert (answer.status, answer.told, called(scene)) == ("failed", {}, ["refund"])


async def test_a_process_that_dies_in_the_substitute_leaves_it_to_nobody_else_to_do_either(scene):
    opened = await scene.open(uses="acme.cashier@1.0.0")
    scene.shop.answers = [AWAY, FakeCrash()]
    with pytest.raises(FakeCrash):
        await refund(scene, await scene.door.enter(opened.secret))
    other = scene.another("there")
    answer = await other.call(await other.enter(opened.secret), "shop__refund", REFUND)
    assert answer.told["rule"] == "recovery.open"
    assert called(scene) == ["refund", "pay_back"]


async def test_a_substitute_for_what_is_not_known_to_have_failed_is_found_by_the_audit(scene):
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    await refund(scene, caller)
    trail, records = Trail(scene.store.signer.keys), await scene.store.journal.read()
    (last,) = [one for one in records if one.kind is Kind.DECIDED and one.body["facts"]["instead"]]
    for record in records[: last.seq]:
        trail.follow(record)
    trail._courses[last.execution, last.body["facts"]["instead"]["key"]].status = "unknown"
    with pytest.raises(JournalError, match="not known to have failed"):
        trail.follow(last)


async def perform_as_before(scene, caller):
    """Perform the very same action, as an agent's loop does that is run again."""
    manifest = scene.parts["catalogue"].get("mcp.shop.refund")
    key = f"{caller.session.id}/door#replayed"
    action = action_of(caller, key, manifest.tool, fill_key(manifest, REFUND, key=key))
    return await scene.parts["gate"].perform(action)


async def say_of_substitutes(scene, tmp_path, old, new):
    entries = tmp_path / "tools" / "shop.yaml"
    entries.write_text(entries.read_text().replace(old, new))
    await scene.tools.refresh()


SUBSTITUTE = "substitute: {tool: mcp.shop.pay_back, arguments: {receipt: order, amount: amount}}"


async def test_a_replay_finds_what_was_chosen_whatever_the_entries_say_by_then(scene, tmp_path):
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    first = await perform_as_before(scene, caller)
    await say_of_substitutes(scene, tmp_path, SUBSTITUTE, "")
    again = await perform_as_before(scene, caller)
    assert (again.record, again.by, called(scene)) == (
        first.record,
        "mcp.shop.pay_back",
        ["refund", "pay_back"],
    )


async def test_what_was_not_rerouted_when_it_ended_is_not_when_it_is_replayed(scene, tmp_path):
    await say_of_substitutes(scene, tmp_path, SUBSTITUTE, "")
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    first = await perform_as_before(scene, caller)
    await say_of_substitutes(
        scene, tmp_path, "once: [order, amount]", f"once: [order, amount]\n    {SUBSTITUTE}"
    )
    again = await perform_as_before(scene, caller)
    assert (first.status, again.record, called(scene)) == ("failed", first.record, ["refund"])


async def test_entries_that_do_not_fit_each_other_reroute_nothing_and_say_why(scene, tmp_path):
    await say_of_substitutes(scene, tmp_path, "once: [receipt, amount]", "once: [amount, receipt]")
    caller = await enter(scene)
    scene.shop.answers = [AWAY]
    assert (await refund(scene, caller)).status == "failed"
    known = scene.tools.known()
    told = complain_of_substitute(known["mcp.shop.refund"], known.get)
    assert "not the same piece of business" in told


async def test_wherever_a_process_dies_one_of_the_two_has_done_it_at_most_once(scene, tmp_path, monkeypatch):
    (tmp_path / "limits.yaml").write_text(
        "breakers: {servers: off, targets: off}\nlimits: {changes-an-agent: off}"
    )
    reach, append, call = Points(), scene.store.journal.append, scene.shop.call

    async def append_at_a_point(entries, guards=()):
        reach("before a record")
        written = await append(entries, guards)
        reach("after a record")
        return written

    async def call_at_a_point(server, tool, arguments):
        reach(f"before {tool}")
        if tool == "refund":
            scene.shop.called.append((tool, dict(arguments)))
            raise AWAY
        answer = await call(server, tool, arguments)
        reach(f"after {tool}")
        return answer

    monkeypatch.setattr(scene.store.journal, "append", append_at_a_point)
    monkeypatch.setattr(scene.shop, "call", call_at_a_point)
    caller = await enter(scene)
    reach.die_at(0)
    await refund(scene, caller, order="P-0")
    points = len(reach.passed)
    assert points >= 11, reach.passed
    for fatal in range(1, points + 1):
        order, opened = f"P-{fatal}", await scene.open(uses="acme.cashier@1.0.0")
        caller = await scene.door.enter(opened.secret)
        reach.die_at(fatal)
        with pytest.raises(FakeCrash):
            await refund(scene, caller, order=order)
        reach.die_at(0)
        other = scene.another(f"process {fatal}")
        caller = await other.enter(opened.secret)
        answers = [await other.call(caller, "shop__refund", {**REFUND, "order": order}) for _ in range(2)]
        paid = [one for tool, one in scene.shop.called if tool == "pay_back" and one["receipt"] == order]
        ends = {answers[-1].told["rule"], len(paid)}
        assert ends in ({"recovery.done", 1}, {"recovery.open", 1}, {"recovery.open", 0}), (fatal, answers)


class Archive:
    """The journal as an explanation reads it."""

    def __init__(self, journal):
        self.read, self.last = journal.read, journal.last
