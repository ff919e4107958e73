"""The kill switch in the store: what is concerned loses its tokens in the kill's own transaction, and nothing passes after it."""

from types import SimpleNamespace

import pytest

from bridle.adapters.sql.kills import SqlKills
from bridle.adapters.sql.principals import SqlPrincipals
from bridle.adapters.sql.schema import tokens
from bridle.adapters.sql.tokens import SqlTokens
from bridle.core.errors import InputError, TrustError
from bridle.gate.action import Denied, Done
from bridle.surfaces.cli.checks import State
from bridle.surfaces.cli.checks_parts import _list_kills
from bridle.trust.journal import Entry, Kind
from bridle.trust.kill_desk import KillDesk
from bridle.trust.kills import AnswerKill, Killed, Scope, check_kill
from bridle.trust.notary import Author, Notary
from bridle.trust.principals import Principal, PrincipalKind, RegisterPrincipal
from bridle.trust.tokens import MintToken, hash_secret, mint
from support.people import PeopleInMemory

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
OPERATOR = Principal(PrincipalKind.USER, "olga", "user:olga", frozenset({"fleet:kill"}))
ROGUE = Principal(PrincipalKind.AGENT, "rogue", "user:olga", frozenset({"fleet:kill"}))


@pytest.fixture
async def desk(scene, store, clock):
    entries = [Entry(Kind.PRINCIPAL_REGISTERED, "", one.id, one.to_json()) for one in (OPERATOR, ROGUE)]
    await store.journal.append(entries, [RegisterPrincipal(one, None) for one in (OPERATOR, ROGUE)])
    principals = SqlPrincipals(store.database)
    notary = Notary(principals=principals, people=PeopleInMemory(), signer=store.signer)
    return KillDesk(journal=store.journal, kills=SqlKills(store.database), notary=notary, clock=clock)


async def kill(desk, scope=Scope.ALL, name="", by="user:olga"):
    return await desk.kill(scope, name, reason="it pays twice", by=Author(by))


def read(scene, call=0, **options):
    return scene.action("file.read", call=call, path="src/a.py", **options)


async def is_there(store, secret):
    return await SqlTokens(store.database).find(hash_secret(secret)) is not None


async def test_a_killed_agent_has_no_token_and_others_go_on(scene, desk, store):
    user, agent = scene.tokens["user:ana"], scene.tokens["agent:fixer"]
    with pytest.raises(InputError, match="agent:other"):
        await kill(desk, Scope.AGENT, "agent:other")
    assert [await is_there(store, user), await is_there(store, agent)] == [True, True]
    assert isinstance(await scene.gate.perform(read(scene)), Done)
    await kill(desk, Scope.AGENT, "agent:fixer@1.0.0")
    assert not await is_there(store, agent)
    assert isinstance(await scene.gate.perform(read(scene, 1)), Denied)


async def test_a_kill_of_a_pipeline_that_never_ran_is_refused_and_not_recorded(desk, store):
    with pytest.raises(InputError, match="no pipeline tpyo was ever started"):
        await kill(desk, Scope.PIPELINE, "tpyo")
    assert await store.journal.read(kinds=(Kind.KILL_MADE,)) == []
    assert await SqlKills(store.database).standing() == []


async def test_no_intent_passes_that_was_decided_before_the_kill(scene, desk, monkeypatch):
    evaluate = scene.ports.policy.evaluate

    async def kill_meanwhile(facts):
        answer = await evaluate(facts)
        await kill(desk)
        return answer

    monkeypatch.setattr(scene.ports.policy, "evaluate", kill_meanwhile)
    result = await scene.gate.perform(read(scene))
    assert (result.rule, scene.delegate.told) == ("killed", [])
    assert "action.intended" not in await scene.kinds()


async def test_no_token_is_made_of_what_was_killed_until_it_is_lifted(scene, desk, store, clock):
    agent = await SqlPrincipals(store.database).get("agent:fixer")
    minted = mint(
        actor=agent,
        initiator=agent,
        asked_for=frozenset({"file:read"}),
        execution="exe_2",
        step="a",
        expires_at=clock.now(),
    )
    made = await kill(desk, Scope.AGENT, "agent:fixer")
    with pytest.raises(Killed):
        await store.journal.append([], [MintToken(minted.token)])
    await desk.lift(made.id, reason="the cause is gone", by=Author("user:olga"))
    await store.journal.append([], [MintToken(minted.token)])
    with pytest.raises(InputError):
        await desk.lift(made.id, reason="again", by=Author("user:olga"))


async def test_who_may_not_kills_nothing(scene, desk, store):
    for by in ("user:ana", "agent:rogue", "user:nobody"):
        with pytest.raises(TrustError):
            await kill(desk, by=by)
    assert await SqlKills(store.database).standing() == []
    count = await store.database.read(lambda connection: len(connection.execute(tokens.select()).all()))
    assert count == 2


async def test_a_kill_is_signed_and_is_not_held_up_by_a_reason(scene, desk, store):
    made = await desk.kill(Scope.ALL, "", reason=" ", by=Author("user:olga"))
    assert made.reason == "no reason was given"
    (record,) = await store.journal.read(execution="kills", kinds=(Kind.KILL_MADE,))
    check_kill(record.body, control_plane=store.signer.verifier)
    with pytest.raises(TrustError):
        check_kill({**record.body, "scope": "agent"}, control_plane=store.signer.verifier)


async def test_a_process_answers_until_nothing_is_left(scene, desk, store, clock):
    made, kills = await kill(desk), SqlKills(store.database)
    for left in (2, 0):
        assert [one.id for one in await kills.unanswered("here")] == [made.id]
        await store.journal.append([], [AnswerKill(made.id, "here", left, clock.now())])
    assert await kills.unanswered("here") == []
    assert [one.id for one in await kills.unanswered("there")] == [made.id]


async def test_the_doctor_says_that_a_kill_stands_and_how_it_is_lifted(scene, desk, store):
    opened = SimpleNamespace(kills=SqlKills(store.database))
    assert await _list_kills(opened) == []
    made = await kill(desk)
    (check,) = await _list_kills(opened)
    assert (check.state, check.fix) == (State.WARN, f"bridle kill --lift {made.id}")
