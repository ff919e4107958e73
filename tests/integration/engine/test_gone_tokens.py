"""A token is gone in three ways, each with the other two off; and exchanged ones die with those they were made of."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.adapters.sql.credentials import SqlCredentials
from bridle.core.boundary import Boundary
from bridle.core.errors import TrustError
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Denied, Done, action_key
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import GRANT, TOKEN_TYPE, Exchange
from bridle.trust.journal import Kind
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind
from bridle.trust.sweeping import sweep_tokens
from bridle.trust.tokens import DeleteTokens, MintToken, hash_secret, mint

RUN = "pipeline: {id: p, stages: [{id: a, steps: [{id: b, run: make}]}]}"
LONG = timedelta(days=3650)


@pytest.fixture
async def execution(desk):
    return await desk.start(RUN)


@pytest.fixture
def token_of(desk, execution):
    """Store a token as a leg does, without the leg that would delete it."""

    async def make(life=LONG, actor=None):
        actor = actor or desk.user
        minted = mint(
            actor=actor,
            initiator=desk.user,
            asked_for=frozenset({"command:run", "file:read"}),
            execution=execution.id,
            step="a/b",
            expires_at=desk.clock.now() + life,
        )
        await desk.store.journal.append([], [MintToken(minted.token)])
        return minted.secret

    return make


@pytest.fixture
def use(desk, execution):
    calls = iter(range(1, 100))

    async def use(secret, principal="user:ana"):
        key = action_key(execution.id, "a/b", call=next(calls))
        request = Request(key, "command.run", {"script": "make"}, principal, "build")
        action = Action(request, execution.id, "a/b", Boundary(write=("**",)), token=secret)
        return await desk.bench.gate.perform(action)

    return use


def sweep(desk):
    return sweep_tokens(desk.store.journal, desk.tokens, desk.clock)


async def test_at_the_end_of_its_step_with_no_expiry_and_no_sweeper(desk, execution, token_of, use):
    secret = await token_of()
    assert isinstance(await use(secret), Done)
    await desk.leg(execution, "a/b")  # its end deletes every token of the step
    assert isinstance(await use(secret), Denied)
    assert await desk.tokens.find(hash_secret(secret)) is None


async def test_by_expiry_with_nobody_deleting_it(desk, token_of, use):
    secret = await token_of(timedelta(hours=1))
    assert isinstance(await use(secret), Done)
    desk.clock.advance(timedelta(hours=1))
    assert isinstance(await use(secret), Denied)
    assert await desk.tokens.find(hash_secret(secret)) is not None  # it is still there, and of no use


async def test_by_the_sweeper_when_its_execution_ended_and_nothing_else_removed_it(
    desk, execution, token_of, use
):
    await desk.carry(execution)
    secret = await token_of()
    assert isinstance(await use(secret), Done)
    assert len(await sweep(desk)) == 1
    assert isinstance(await use(secret), Denied)


async def test_the_sweeper_removes_what_has_expired_and_leaves_what_is_at_work(desk, token_of):
    old, new = await token_of(timedelta(hours=1)), await token_of()
    desk.clock.advance(timedelta(hours=1))
    swept = await sweep(desk)
    assert await desk.tokens.find(hash_secret(old)) is None
    assert await desk.tokens.find(hash_secret(new)) is not None
    (record,) = await desk.store.journal.read(kinds=(Kind.TOKEN_DELETED,))
    assert record.body == {"tokens": swept}


async def test_a_sweep_that_finds_nothing_records_nothing(desk, token_of):
    await token_of()
    assert await sweep(desk) == []
    assert await desk.store.journal.read(kinds=(Kind.TOKEN_DELETED,)) == []


@pytest.fixture
async def helper(desk):
    helper = Principal(PrincipalKind.AGENT, "helper", "user:ana", frozenset({"command:run", "git:push"}))
    await desk.register(helper)
    return helper


@pytest.fixture
def exchange(desk):
    authentication = Authentication(SqlCredentials(desk.store.database), desk.bench.principals, desk.clock)
    offered = Exchange(
        journal=desk.store.journal,
        tokens=desk.tokens,
        principals=desk.bench.principals,
        authentication=authentication,
        clock=desk.clock,
        admits=lambda execution: True,
    )

    async def exchange(subject, actor, **wanted):
        return await offered.exchange(
            {
                "grant_type": GRANT,
                "subject_token": subject,
                "subject_token_type": TOKEN_TYPE,
                "actor_token": actor,
                "actor_token_type": TOKEN_TYPE,
                **wanted,
            }
        )

    return exchange


async def test_a_sub_agent_gets_what_both_it_and_the_token_allow(token_of, helper, exchange, use):
    answer = await exchange(await token_of(), await token_of(actor=helper))
    assert answer["scope"] == "command:run"
    assert answer["act"] == {"sub": "agent:helper", "act": {"sub": "user:ana"}}
    assert isinstance(await use(answer["access_token"], "agent:helper"), Done)


async def test_an_exchanged_token_is_not_used_by_whom_it_was_exchanged_from(token_of, helper, exchange, use):
    answer = await exchange(await token_of(), await token_of(actor=helper))
    assert isinstance(await use(answer["access_token"], "user:ana"), Denied)


async def test_an_exchanged_token_is_deleted_with_its_step(desk, execution, token_of, helper, exchange, use):
    answer = await exchange(await token_of(), await token_of(actor=helper))
    await desk.store.journal.append([], [DeleteTokens(execution.id, "a/b")])
    assert isinstance(await use(answer["access_token"], "agent:helper"), Denied)


async def test_a_token_for_a_purpose_is_of_no_use_for_another(token_of, helper, exchange, use):
    answer = await exchange(await token_of(), await token_of(actor=helper), purpose="review")
    assert isinstance(await use(answer["access_token"], "agent:helper"), Denied)


async def test_a_chain_is_broken_when_one_in_it_is_suspended(desk, token_of, helper, exchange, use):
    first = await exchange(await token_of(), await token_of(actor=helper))
    third = Principal(PrincipalKind.AGENT, "third", "user:ana", frozenset({"command:run"}))
    await desk.register(third)
    answer = await exchange(first["access_token"], await token_of(actor=third))
    assert isinstance(await use(answer["access_token"], "agent:third"), Done)
    await desk.register(replace(helper, state=Lifecycle.SUSPENDED))
    assert isinstance(await use(answer["access_token"], "agent:third"), Denied)


async def test_a_token_alone_is_not_exchanged_and_nor_is_a_dead_one(desk, token_of, helper, exchange):
    subject, actor = await token_of(timedelta(hours=1)), await token_of(actor=helper)
    for pair in ((subject, "brt_other"), ("brt_other", actor)):
        with pytest.raises(TrustError) as caught:
            await exchange(*pair)
        assert caught.value.reason == "invalid_grant"
    desk.clock.advance(timedelta(hours=1))
    with pytest.raises(TrustError):
        await exchange(subject, actor)


async def test_the_secret_of_an_exchanged_token_is_nowhere_at_rest(desk, token_of, helper, exchange):
    answer = await exchange(await token_of(), await token_of(actor=helper))
    assert answer["access_token"].encode() not in desk.store.at_rest()
