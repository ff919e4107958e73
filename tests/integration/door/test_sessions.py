"""Sessions: who may open one, what its token is for, and which process serves it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.core.errors import InputError, TrustError, UnavailableError
from bridle.gate.gate import Gate
from bridle.operating.door import Door
from bridle.trust.audit import verify_journal
from bridle.trust.bindings import BEGIN_SESSION
from bridle.trust.controls import check_controls
from bridle.trust.journal import Kind
from bridle.trust.policy import Finding
from bridle.trust.principals import Lifecycle
from bridle.trust.sweeping import sweep_tokens
from bridle.trust.tokens import MintToken, hash_secret

from .conftest import FakeCrash


async def test_the_token_is_for_the_declared_tools_and_for_nothing_else(scene):
    opened = await scene.open()
    caller = await scene.door.enter(opened.secret)
    assert caller.token.scope == {
        "mcp:shop.find",
        "mcp:shop.pay",
        "mcp:shop.wipe",
        "mcp:shop.mail",
        "mcp:shop.give",
        "mcp:shop.note",
        "mcp:shop.peek",
    }


async def test_the_request_is_kept_where_personal_data_can_die(scene):
    opened = await scene.open()
    (record,) = await scene.store.journal.read(execution=opened.session.id, kinds=(Kind.SESSION_OPENED,))
    assert b"as agreed" in await scene.store.journal.reveal(record, "request")
    assert opened.secret.encode() not in scene.store.at_rest()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"purpose": "outreach"}, "is for refund"),
        ({"ttl": timedelta(0)}, "up to 7 days"),
        ({"ttl": timedelta(days=8)}, "up to 7 days"),
        ({"uses": "acme.nobody"}, "there is no agent"),
        ({"initiator": "user:mallory"}, "nobody knows"),
    ],
)
async def test_a_session_that_cannot_be_is_refused(scene, changes, says):
    with pytest.raises((InputError, TrustError), match=says):
        await scene.open(**changes)


@pytest.mark.parametrize("who", ["agent:acme.clerk", "user:ana"])
async def test_nobody_opens_a_session_as_or_for_who_is_suspended(scene, who):
    await scene.open()
    await scene.set_state(who, Lifecycle.SUSPENDED)
    with pytest.raises(TrustError) as caught:
        await scene.open()
    assert caught.value.reason == "principal-not-active"


async def test_an_agent_without_a_server_has_no_business_at_the_door(scene, tmp_path):
    file = tmp_path / "agents" / "acme.clerk" / "1.0.0.md"
    file.write_text(
        file.read_text().replace(
            "mcp.shop.find, mcp.shop.pay, mcp.shop.wipe, mcp.shop.mail, mcp.shop.give, mcp.shop.note, mcp.shop.peek",
            "file.read",
        )
    )
    with pytest.raises(InputError, match="leads nowhere"):
        await scene.open()


async def test_a_session_is_closed_once(scene):
    opened = await scene.open()
    await scene.reception.close(opened.session.id, by="user:ana")
    with pytest.raises(InputError, match="closed already"):
        await scene.reception.close(opened.session.id, by="user:ana")


async def test_one_process_serves_a_session_while_it_lives(scene):
    opened = await scene.open()
    await scene.door.enter(opened.secret)
    with pytest.raises(UnavailableError, match="another process serves"):
        await scene.another("there", living=["here"]).enter(opened.secret)


async def test_whoever_serves_a_session_attests_the_controls_it_is_served_under(scene):
    opened = await scene.open()
    for door in (scene.door, scene.door, scene.another("there")):
        await door.enter(opened.secret)
    attested = await scene.store.journal.read(
        execution=opened.session.id, kinds=(Kind.SESSION_TAKEN, Kind.CONTROLS_ATTESTED)
    )
    assert [record.kind for record in attested] == [Kind.SESSION_TAKEN, Kind.CONTROLS_ATTESTED] * 2
    check_controls(attested[-1], control_plane=scene.store.signer.verifier)
    assert attested[-1].body["content"]["policy"] == scene.ports.policy.digest


async def test_what_a_dead_process_began_is_unknown_and_never_repeated(scene):
    opened = await scene.open()
    caller = await scene.door.enter(opened.secret)
    asked = await scene.door.call(caller, "shop__pay", {"order": "A-1001"})
    await scene.approve(asked.told["approval"])
    scene.shop.answers = [FakeCrash()]
    with pytest.raises(FakeCrash):
        await scene.door.call(caller, "shop__pay", {"order": "A-1001"}, approval=asked.told["approval"])
    other = scene.another("there")
    caller = await other.enter(opened.secret)
    (outcome,) = await scene.records(caller, Kind.OUTCOME)
    assert outcome.body["status"] == "unknown"
    again = await other.call(caller, "shop__pay", {"order": "A-1001"}, approval=asked.told["approval"])
    assert (again.status, again.told["rule"]) == ("denied", "recovery.open")
    assert len(scene.shop.called) == 1


async def test_the_sweeper_removes_what_is_left_of_a_closed_session(scene):
    opened = await scene.open()
    token = await scene.tokens.find(hash_secret(opened.secret))
    await scene.reception.close(opened.session.id, by="user:ana")
    await scene.store.journal.append([], [MintToken(token)])  # as if the closing had forgotten it
    assert len(await sweep_tokens(scene.store.journal, scene.tokens, scene.clock)) == 1
    assert await scene.tokens.find(hash_secret(opened.secret)) is None


class Frozen:
    """The real policy, and a set that is bound to the beginning of sessions."""

    def __init__(self, policy, part):
        self._policy, self._part, self.digest = policy, part, policy.digest

    async def evaluate(self, document):
        answer = await self._policy.evaluate(document)
        begins = document["action"]["tool"] == BEGIN_SESSION
        said = (Finding("house.freeze", "Nothing begins today."),)
        return replace(answer, **{self._part: said}) if begins else answer


def with_set_on_run(scene, part):
    gate = Gate(replace(scene.ports, policy=Frozen(scene.ports.policy, part)))
    return Door(**{**scene.parts, "gate": gate, "events": frozenset({BEGIN_SESSION})})


async def test_a_session_that_may_not_begin_does_nothing(scene):
    door = with_set_on_run(scene, "deny")
    caller = await door.enter((await scene.open()).secret)
    answer = await door.call(caller, "shop__find", {})
    assert (answer.status, answer.told["rule"], scene.shop.called) == ("denied", "house.freeze", [])


async def test_a_person_is_asked_once_before_a_session_begins(scene):
    door = with_set_on_run(scene, "ask")
    caller = await door.enter((await scene.open()).secret)
    first, second = await asyncio.gather(*(door.call(caller, "shop__find", {}) for _ in range(2)))
    approval = first.told["approval"]
    assert (first.status, second.told["approval"], scene.shop.called) == ("waiting", approval, [])
    await scene.approve(approval)
    done = await door.call(caller, "shop__find", {}, approval=approval)
    again = await door.call(caller, "shop__find", {})
    assert (done.status, again.status) == ("succeeded", "succeeded")
    records = await scene.store.journal.read()
    verify_journal(records, checkpoints=[], control_plane=scene.store.signer.verifier)
