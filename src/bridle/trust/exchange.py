"""Token exchange in the shape of RFC 8693: a token, and somebody who is to act with it, for another token that is narrower.

Rules
  1. The actor is required and proves who it is: with a key (trust.credentials), or with a live token of its own. Nobody acts as
     another without being named: there is no impersonation, only delegation. What an agent holds is exchanged for an agent alone,
     so that nobody who is trusted with more acts on its words.
  2. scope = what the subject's token allows today ∩ what the actor may do ∩ what is asked for ∩ the resource. Where nothing is
     left, it is refused.
  3. It ends no later than the subject's token, stands for the same execution, step and initiator, and is deleted with it.
  4. A purpose or a resource that the subject's token names stays; one that it does not name may be added. So exchanging again
     only narrows.
  5. `act` nests those who acted before, the last one outermost. Each of them still has to be active, and still limits the scope,
     at every use: nobody gets at more through somebody else.

  6. At most MOST_ACTORS act with one token, one after the other; and how often tokens of an execution or session are exchanged is
     counted (`admits`), so that whoever has one cannot fill the journal.

Requests and answers have the names and the errors of RFC 8693 and RFC 6749; a surface only carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import TrustError
from bridle.trust.credentials import PREFIX as KEY_PREFIX
from bridle.trust.credentials import Authentication
from bridle.trust.journal import Entry, Journal, Kind
from bridle.trust.permissions import meet
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind, Principals
from bridle.trust.tokens import (
    Minted,
    MintToken,
    Token,
    Tokens,
    describe_token,
    hash_secret,
    issue,
    scope_today,
    version_of,
)

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:bridle:params:oauth:token-type:token"  # noqa: S105 - the name of a kind
KEY_TYPE = "urn:bridle:params:oauth:token-type:key"
NEEDED = ("grant_type", "subject_token", "subject_token_type", "actor_token", "actor_token_type")
KNOWN = frozenset({*NEEDED, "scope", "resource", "purpose", "requested_token_type", "expires_in"})


MOST_ACTORS = 8  # each is looked at again at every use


class ExchangeError(TrustError):
    """The exchange is refused; `reason` is the error code of RFC 6749 and RFC 8693."""

    default_reason = "invalid_request"


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a scope, a resource, a purpose, how long it is to live; None and empty do not narrow."""

    scope: frozenset[str] = frozenset()
    resource: str = ""
    purpose: str = ""
    life: timedelta | None = None


@dataclass(kw_only=True)
class Exchange:
    """Exchanges tokens."""

    journal: Journal
    tokens: Tokens
    principals: Principals
    authentication: Authentication
    clock: Clock
    admits: Callable[[str], bool]

    async def exchange(self, request: Mapping[str, str]) -> dict[str, Json]:
        """Return the answer to a request of RFC 8693 section 2.1; raise ExchangeError."""
        wanted = read_request(request)
        subject = await self._live(request["subject_token"], "subject_token")
        if not self.admits(subject.execution):
            raise ExchangeError("too many exchanges: ask again in a minute", reason="slow_down")
        actor, theirs = await self._actor(request, subject)
        now = self.clock.now()
        scope = await scope_today(subject, self.principals, now)
        minted = narrow(subject, scope, actor=actor, wanted=wanted, now=now, versions=theirs)
        entry = Entry(Kind.TOKEN_MINTED, minted.token.execution, minted.token.id, describe_token(minted))
        await self.journal.append([entry], [MintToken(minted.token)])
        return {
            "access_token": minted.secret,
            "issued_token_type": TOKEN_TYPE,
            "token_type": "N_A",
            "expires_in": int((minted.token.expires_at - now).total_seconds()),
            "scope": " ".join(sorted(minted.token.scope)),
            "act": show_actors(minted.token),
        }

    async def _live(self, secret: str, what: str) -> Token:
        token = await self.tokens.find(hash_secret(secret))
        if token is None or self.clock.now() >= token.expires_at:
            raise ExchangeError(f"the {what} is not alive", reason="invalid_grant")
        return token

    async def _actor(self, request: Mapping[str, str], subject: Token) -> tuple[Principal, Mapping[str, str]]:
        """Return who is to act, and the versions that their own token was made for."""
        secret, kind = request["actor_token"], request["actor_token_type"]
        versions: Mapping[str, str] = {}
        if kind == KEY_TYPE and secret.startswith(KEY_PREFIX):
            actor_id = (await self.authentication.authenticate(secret)).id
        elif kind == TOKEN_TYPE:
            own = await self._live(secret, "actor_token")
            actor_id, versions = own.principal, own.claims.versions
        else:
            raise ExchangeError(f"the actor_token is no {kind[:80]}", reason="invalid_request")
        actor = await self.principals.get(actor_id, subject.claims.place)
        if actor is None or actor.state is not Lifecycle.ACTIVE:
            raise ExchangeError(f"{actor_id} is not active", reason="invalid_grant")
        if actor.kind is not PrincipalKind.AGENT and subject.principal.startswith(f"{PrincipalKind.AGENT}:"):
            raise ExchangeError(
                f"what an agent holds is exchanged for an agent, and {actor_id} is none",
                reason="invalid_grant",
            )
        return actor, {actor.id: versions[actor.id]} if actor.id in versions else version_of(actor)


def narrow(
    subject: Token,
    scope: frozenset[str],
    *,
    actor: Principal,
    wanted: Wanted,
    now: datetime,
    versions: Mapping[str, str] | None = None,
) -> Minted:
    """Return a token for `actor`, made of one that allows `scope`; raise ExchangeError when nothing would be left of it."""
    claims, left = subject.claims, _leave(subject, scope, actor=actor, wanted=wanted)
    versions = versions or version_of(actor)
    if any(claims.versions.get(name, digest) != digest for name, digest in versions.items()):
        raise ExchangeError(f"another version of {actor.id} acts with it already", reason="invalid_grant")
    life = wanted.life if wanted.life is not None else subject.expires_at - now
    before = () if actor.id == subject.principal else (subject.principal,)
    if len(before) + len(claims.actors) >= MOST_ACTORS:
        raise ExchangeError(f"{MOST_ACTORS} act with this token already", reason="invalid_grant")
    return issue(
        replace(
            subject,
            principal=actor.id,
            scope=left,
            expires_at=min(subject.expires_at, now + life),
            claims=replace(
                claims,
                purpose=claims.purpose or wanted.purpose,
                resource=claims.resource or wanted.resource,
                actors=(*before, *claims.actors),
                parent=subject.id,
                versions={**claims.versions, **versions},
            ),
        )
    )


def _leave(subject: Token, scope: frozenset[str], *, actor: Principal, wanted: Wanted) -> frozenset[str]:
    """Return what of `scope` the actor may do and was asked for; raise ExchangeError when that is nothing."""
    for name in ("purpose", "resource"):
        held, asked = getattr(subject.claims, name), getattr(wanted, name)
        if held and asked not in ("", held):
            raise ExchangeError(f"the token is for the {name} {held}", reason="invalid_target")
    left = meet(scope, actor.permissions)
    if wanted.scope:
        left = meet(left, wanted.scope)
    if wanted.resource:
        left = meet(left, {wanted.resource, f"{wanted.resource}.*"})
    if not left:
        raise ExchangeError(
            f"nothing that the token allows and {actor.id} may do was asked for", reason="invalid_scope"
        )
    return left


def read_request(request: Mapping[str, str]) -> Wanted:
    """Return what is asked for; raise ExchangeError for a request that is not one of RFC 8693, or asks for what is not known."""
    unknown = sorted(set(request) - KNOWN)
    missing = [name for name in NEEDED if not request.get(name)]
    if unknown or missing:
        what = f"{unknown[0]!r} is not known" if unknown else f"{missing[0]} is missing"
        raise ExchangeError(what, hint="RFC 8693 section 2.1", reason="invalid_request")
    if request["grant_type"] != GRANT:
        raise ExchangeError(f"the grant_type has to be {GRANT}", reason="unsupported_grant_type")
    if request["subject_token_type"] != TOKEN_TYPE:
        raise ExchangeError(f"the subject_token_type has to be {TOKEN_TYPE}", reason="invalid_request")
    if request.get("requested_token_type", TOKEN_TYPE) != TOKEN_TYPE:
        raise ExchangeError(f"only {TOKEN_TYPE} is issued", reason="invalid_request")
    life = request.get("expires_in", "")
    if life and not (life.isascii() and life.isdigit() and len(life) < 9 and int(life) > 0):
        raise ExchangeError("expires_in is a number of seconds above zero", reason="invalid_request")
    return Wanted(
        scope=frozenset(request.get("scope", "").split()),
        resource=request.get("resource", ""),
        purpose=request.get("purpose", ""),
        life=timedelta(seconds=int(life)) if life else None,
    )


def show_actors(token: Token) -> dict[str, Json]:
    """Return the nested `act` of RFC 8693 section 4.1: who acts now outermost, who acted before within."""
    shown: dict[str, Json] | None = None
    for actor in (*reversed(token.claims.actors), token.principal):
        shown = {"sub": actor, **({"act": shown} if shown else {})}
    assert shown is not None
    return shown
