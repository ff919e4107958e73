"""Keys of service accounts on a real store: who they authenticate, until when, and what is left of them at rest."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridle.adapters.sql.credentials import SqlCredentials
from bridle.core.errors import InputError, TrustError
from bridle.trust.credentials import Authentication, KeyDesk, make_secret
from bridle.trust.lifecycle import Change
from bridle.trust.notary import Author
from bridle.trust.principals import Principal, PrincipalKind
from bridle.trust.redaction import Redactor
from bridle.trust.registry import MANAGE, Registry

ANA = Author("user:ana")
CI = Principal(PrincipalKind.SERVICE, "ci", "user:ana", frozenset({"mcp:crm.*"}))
DAY = timedelta(days=1)


@pytest.fixture
async def registry(desk):
    await desk.register(replace(desk.user, permissions=desk.user.permissions | {MANAGE}))
    registry = Registry(journal=desk.store.journal, principals=desk.bench.principals, notary=desk.notary)
    await registry.add(CI, by=ANA)
    return registry


@pytest.fixture
def credentials(desk):
    return SqlCredentials(desk.store.database)


@pytest.fixture
def keys(desk, registry, credentials):
    return KeyDesk(registry, credentials, desk.clock)


@pytest.fixture
def authenticate(desk, credentials):
    return Authentication(credentials, desk.bench.principals, desk.clock).authenticate


async def refusal(authenticate, secret):
    with pytest.raises(TrustError) as caught:
        await authenticate(secret)
    return caught.value.reason


async def test_a_key_says_who_holds_it_and_when_it_was_used(desk, keys, credentials, authenticate):
    made = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    assert await authenticate(made.secret) == CI
    assert (await credentials.get(made.credential.id)).used_at == desk.clock.now()


async def test_a_key_is_nowhere_at_rest_and_never_shown_in_a_text(desk, keys):
    made = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    assert made.secret.encode() not in desk.store.at_rest()
    assert made.secret not in Redactor().redact(f"Authorization {made.secret}")
    assert made.secret not in repr(made)


async def test_a_key_that_has_expired_authenticates_nobody(desk, keys, authenticate):
    made = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    desk.clock.advance(DAY)
    assert await refusal(authenticate, made.secret) == "bad-key"


async def test_a_revoked_key_authenticates_nobody_and_is_revoked_once(keys, authenticate):
    made = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    other = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    await keys.revoke(made.credential.id, by=ANA)
    assert await refusal(authenticate, made.secret) == "bad-key"
    assert await authenticate(other.secret) == CI
    with pytest.raises(InputError):
        await keys.revoke(made.credential.id, by=ANA)


@pytest.mark.parametrize("change", [Change.SUSPEND, Change.RETIRE])
async def test_a_key_of_somebody_who_was_stopped_authenticates_nobody(registry, keys, authenticate, change):
    made = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    await registry.change(CI.id, change, by=ANA)
    assert await refusal(authenticate, made.secret) == "principal-not-active"


async def test_what_nobody_was_given_authenticates_nobody(keys, authenticate):
    made = await keys.issue(CI.id, lifetime=DAY, by=ANA)
    mistyped = made.secret[:-1] + ("0" if made.secret[-1] != "0" else "1")
    for secret in (make_secret(), mistyped, "", "brk_", made.credential.sha256, f"{made.secret}\n"):
        assert await refusal(authenticate, secret) == "bad-key"


@pytest.mark.parametrize("kind", [PrincipalKind.AGENT, PrincipalKind.DELEGATE])
async def test_agents_and_delegates_get_no_key(desk, keys, kind):
    await desk.register(replace(CI, kind=kind))
    with pytest.raises(InputError, match="has no keys"):
        await keys.issue(f"{kind}:ci", lifetime=DAY, by=ANA)


async def test_who_may_not_change_principals_makes_no_key(desk, keys, credentials):
    await desk.register(desk.user)
    with pytest.raises(TrustError):
        await keys.issue(CI.id, lifetime=DAY, by=ANA)
    assert await credentials.of(CI.id) == []
