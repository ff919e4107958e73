"""Tokens and their exchange: never wider than the narrowest behind them, whatever is asked for, however often it is exchanged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridle.core.errors import TrustError
from bridle.trust.exchange import MOST_ACTORS, ExchangeError, Wanted, narrow, read_request, show_actors
from bridle.trust.permissions import holds
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind
from bridle.trust.tokens import Claims, current_scope, mint

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS = ["file:read", "file:edit", "mcp:crm.get", "mcp:crm.pay", "mcp:mail.send"]
SETS = st.frozensets(st.sampled_from([*WORDS, "mcp:crm.*", "file:*", "*"]))


def user(permissions, **fields):
    return Principal(PrincipalKind.USER, "ana", "user:ana", frozenset(permissions), **fields)


def agent(permissions, name="fixer", **fields):
    return Principal(PrincipalKind.AGENT, name, "user:ana", frozenset(permissions), **fields)


def minted(actor, initiator, asked_for=frozenset({"*"}), **fields):
    return mint(
        actor=actor, initiator=initiator, asked_for=frozenset(asked_for), execution="exe_1", step="a/b",
        expires_at=NOW + HOUR, **fields,
    ).token  # fmt: skip


@given(SETS, SETS, SETS, SETS, st.sampled_from(WORDS))
def test_a_token_allows_what_all_four_allow_and_nothing_else(one, other, asked, boundary, word):
    try:
        token = minted(agent(one), user(other), asked, boundary=boundary)
    except TrustError:
        scope = frozenset()
    else:
        scope = current_scope(token, actor=agent(one), initiator=user(other), boundary=boundary, now=NOW)
    assert holds(scope, word) == all(holds(part, word) for part in (one, other, asked, boundary))


@given(SETS, SETS, SETS, st.sampled_from(WORDS))
def test_a_boundary_that_shrinks_shrinks_the_token_and_one_that_grows_does_not_widen_it(
    rights, first, later, word
):
    try:
        token = minted(agent(rights), user({"*"}), boundary=first)
    except TrustError:
        return
    scope = current_scope(token, actor=agent(rights), initiator=user({"*"}), boundary=later, now=NOW)
    assert holds(scope, word) == (holds(rights, word) and holds(first, word) and holds(later, word))


@given(
    SETS, SETS, SETS, st.sampled_from(WORDS), st.sampled_from(["", "mcp:crm"]), st.timedeltas(-HOUR, 3 * HOUR)
)
def test_exchanging_never_widens_and_never_prolongs(actor, asked, held, word, resource, life):
    subject = minted(agent({"*"}), user({"*"}), held | {"file:read"})
    wanted = Wanted(asked, resource, "", life)
    try:
        token = narrow(subject, subject.scope, actor=agent(actor, "sub"), wanted=wanted, now=NOW).token
    except ExchangeError:
        return
    assert token.expires_at <= subject.expires_at
    if holds(token.scope, word):
        assert holds(subject.scope, word)
        assert holds(actor, word)
        assert not asked or holds(asked, word)
        assert not resource or word.startswith("mcp:crm.")


def exchanged(subject, name="sub", **wanted):
    return narrow(subject, subject.scope, actor=agent({"*"}, name), wanted=Wanted(**wanted), now=NOW).token


def test_purpose_and_resource_stay_once_they_are_named():
    token = exchanged(minted(agent({"*"}), user({"*"})), purpose="review", resource="mcp:crm")
    for other in ({"purpose": "release"}, {"resource": "mcp:mail"}):
        with pytest.raises(ExchangeError) as caught:
            exchanged(token, "third", **other)
        assert caught.value.reason == "invalid_target"
    assert exchanged(token, "third").claims.purpose == "review"


def test_who_acted_before_is_nested_the_last_one_outermost():
    first = minted(agent({"*"}, "first"), user({"*"}))
    third = exchanged(exchanged(first, "second"), "third")
    assert show_actors(third) == {
        "sub": "agent:third",
        "act": {"sub": "agent:second", "act": {"sub": "agent:first"}},
    }
    assert third.initiator == "user:ana"


def test_nobody_is_named_twice_who_narrows_their_own_token():
    assert exchanged(minted(agent({"*"}), user({"*"})), "fixer").claims.actors == ()


@pytest.mark.parametrize(
    "before",
    [None, agent({"*"}, state=Lifecycle.SUSPENDED), agent({"file:edit"})],
    ids=["not there", "suspended", "may no longer"],
)
def test_whoever_acted_before_still_limits_what_the_token_allows(before):
    token = exchanged(minted(agent({"*"}), user({"*"}), {"file:read"}))
    standing = {"actor": agent({"*"}, "sub"), "initiator": user({"*"}), "now": NOW}
    assert current_scope(token, behind=[agent({"*"})], **standing) == {"file:read"}
    assert current_scope(token, behind=[before], **standing) == frozenset()


def test_a_token_whose_earlier_actors_nobody_looked_up_allows_nothing():
    token = exchanged(minted(agent({"*"}), user({"*"})))
    assert current_scope(token, actor=agent({"*"}, "sub"), initiator=user({"*"}), now=NOW) == frozenset()


def test_claims_are_read_as_they_were_written():
    claims = Claims("shop", "eu", "production", "review", "mcp:crm", ("agent:a", "agent:b"), "tok_1")
    assert Claims.from_json(claims.to_json()) == claims


GOOD = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token": "brt_x",
    "subject_token_type": "urn:bridle:params:oauth:token-type:token",
    "actor_token": "brt_x",
    "actor_token_type": "urn:bridle:params:oauth:token-type:token",
}


def test_a_request_says_what_it_wants():
    wanted = read_request({**GOOD, "scope": "file:read mcp:crm.*", "expires_in": "60"})
    assert wanted == Wanted(frozenset({"file:read", "mcp:crm.*"}), life=timedelta(minutes=1))


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_request_that_leaves_something_out_is_refused(name):
    with pytest.raises(ExchangeError) as caught:
        read_request({key: value for key, value in GOOD.items() if key != name})
    assert caught.value.reason == "invalid_request"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"audience": "crm"}, "invalid_request"),
        ({"expires_in": "0"}, "invalid_request"),
        ({"expires_in": "-1"}, "invalid_request"),
        ({"expires_in": "1" * 400}, "invalid_request"),
    ],
)
def test_a_request_that_asks_for_something_else_is_refused(other, reason):
    with pytest.raises(ExchangeError) as caught:
        read_request({**GOOD, **other})
    assert caught.value.reason == reason


def test_an_actor_who_is_replaced_does_not_keep_the_old_ones_rights():
    subject = minted(agent({"file:edit"}), user({"*"}))
    with pytest.raises(ExchangeError) as caught:
        narrow(subject, subject.scope, actor=agent({"file:read"}, "sub"), wanted=Wanted(), now=NOW)
    assert caught.value.reason == "invalid_scope"


def test_a_token_is_not_handed_on_and_on():
    token = minted(agent({"*"}), user({"*"}))
    for turn in range(MOST_ACTORS - 1):
        token = exchanged(token, f"a{turn % 2}")
    with pytest.raises(ExchangeError, match="act with this token already"):
        exchanged(token, "another")
    assert exchanged(token, f"a{MOST_ACTORS % 2}").claims.actors == token.claims.actors


def test_one_version_of_an_agent_acts_with_a_token():
    first, other = (agent({"*"}, "sub", digest=f"sha256:{version}") for version in "12")
    subject = minted(agent({"*"}), user({"*"}))
    token = narrow(subject, subject.scope, actor=first, wanted=Wanted(), now=NOW).token
    assert narrow(token, token.scope, actor=first, wanted=Wanted(), now=NOW).token.claims == replace(
        token.claims, parent=token.id
    )
    with pytest.raises(ExchangeError, match="another version"):
        narrow(token, token.scope, actor=other, wanted=Wanted(), now=NOW)
