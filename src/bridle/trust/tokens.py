"""Execution tokens: short-lived, opaque, and never wider than the narrowest of those who stand behind them.

Rules
  1. scope = agent ∩ initiator ∩ asked for ∩ the boundary of the project. An empty scope is refused, and so is a principal that
     is not active.
  2. A token is 256 random bits; the store keeps its SHA-256 and the computed scope.
  3. It is gone in three ways that do not need each other: it is deleted in the transaction that ends its step; `expires_at` is
     checked at every use; a sweeper deletes what has expired, and what is left of an execution that has ended (trust.sweeping).
  4. A check compares the scope with the *current* permissions of everybody behind it, and with the boundary, again: rights that
     shrank during the run shrink the token; rights that grew do not widen it.
  5. Which version of an agent acts is what the token says: registering another one later changes nothing about it.
  6. A token that was made of another one (trust.exchange) names those who acted before; it is as wide as the narrowest of them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.core.errors import TrustError
from bridle.core.ids import new_id
from bridle.trust.permissions import meet
from bridle.trust.principals import ANYWHERE, EVERYTHING, Lifecycle, Place, Principal, Principals

PREFIX = "brt_"


@dataclass(frozen=True)
class Claims:
    """What a token says besides its scope: the place it was made for, and the purpose it is for, any if empty.

    `resource` is the system that it was narrowed to, or empty. `actors` are the principals that acted before its own, the last
    one first, when it was exchanged for another token, and `parent` is the id of that. `versions` has, for each agent that acts
    with it, the digest of the version that it was made for.
    """

    project: str = ""
    environment: str = ""
    type: str = ""
    purpose: str = ""
    resource: str = ""
    actors: tuple[str, ...] = ()
    parent: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.project, self.environment, self.type)

    def to_json(self) -> dict[str, Json]:
        """Return what is not empty."""
        given: dict[str, Json] = {
            **vars(self),
            "actors": list(self.actors),
            "versions": dict(self.versions),
        }
        return {name: value for name, value in given.items() if value}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Claims:
        """Read what `to_json` wrote."""
        return cls(**{**content, "actors": tuple(content.get("actors", ()))})


NO_CLAIMS = Claims()


@dataclass(frozen=True)
class Token:
    """What is known of a token. The secret itself is not here."""

    id: str
    sha256: str
    execution: str
    step: str
    principal: str
    initiator: str
    scope: frozenset[str]
    expires_at: datetime
    claims: Claims = NO_CLAIMS


@dataclass(frozen=True)
class MintToken:
    """Guard: store a new token."""

    token: Token
    guards = "token {0.token.id}"


@dataclass(frozen=True)
class DeleteTokens:
    """Guard: delete every token of an execution's step (or, with an empty step, of the execution)."""

    execution: str
    step: str = ""
    guards = "tokens of {0.execution}/{0.step}"


@dataclass(frozen=True)
class SweepTokens:
    """Guard: delete the tokens of these ids; one that is gone by now is no fault."""

    ids: tuple[str, ...]
    guards = "tokens that are over"


class Tokens(Protocol):
    """Finds tokens by the digest of their secret."""

    async def find(self, sha256: str) -> Token | None: ...

    async def over(self, now: datetime) -> list[str]:
        """Return the ids of the tokens that have expired, or whose execution has ended or session is closed."""
        ...


@dataclass(frozen=True)
class Minted:
    """A new token with its secret, which exists only here and in the caller's memory."""

    token: Token
    secret: str = field(repr=False)


def mint(
    *,
    actor: Principal,
    initiator: Principal,
    asked_for: frozenset[str],
    execution: str,
    step: str,
    expires_at: datetime,
    place: Place = ANYWHERE,
    purpose: str = "",
    boundary: frozenset[str] = EVERYTHING,
) -> Minted:
    """Compute the scope and make a token; raise TrustError when nothing would be left of it."""
    for principal in (actor, initiator):
        if principal.state is not Lifecycle.ACTIVE:
            raise TrustError(
                f"{principal.id} is {principal.state}",
                hint=f"bridle principals show {principal.id}",
                reason="principal-not-active",
            )
    scope = meet(meet(actor.permissions, initiator.permissions), meet(asked_for, boundary))
    if not scope:
        raise TrustError(
            f"nothing that {actor.id} and {initiator.id} may both do was asked for", reason="empty-scope"
        )
    token = Token(
        id="",
        sha256="",
        execution=execution,
        step=step,
        principal=actor.id,
        initiator=initiator.id,
        scope=scope,
        expires_at=expires_at,
        claims=Claims(place.project, place.environment, place.type, purpose, versions=version_of(actor)),
    )
    return issue(token)


def version_of(principal: Principal) -> dict[str, str]:
    """Return which version of an agent acts, by its id; nothing for whoever has no versions."""
    return {principal.id: principal.digest} if principal.digest else {}


def as_made_for(principal: Principal | None, token: Token) -> Principal | None:
    """Return a principal as the version that the token was made for: that one acts, whatever was registered since."""
    if principal is None:
        return None
    made_for = token.claims.versions.get(principal.id, principal.digest)
    return principal if made_for == principal.digest else replace(principal, digest=made_for, version="")


def issue(token: Token) -> Minted:
    """Give a token its id and its secret."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return Minted(replace(token, id=new_id("tok"), sha256=hash_secret(secret)), secret)


def hash_secret(secret: str) -> str:
    """Return the form in which a token's secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def current_scope(
    token: Token,
    *,
    actor: Principal,
    initiator: Principal,
    now: datetime,
    behind: Sequence[Principal | None] = (),
    boundary: frozenset[str] = EVERYTHING,
) -> frozenset[str]:
    """Return what the token still allows: nothing when it expired, or one of those behind it is not active or not there.

    `behind` are its claims' actors, as they are now.
    """
    people = (actor, initiator, *behind)
    if now >= token.expires_at or len(behind) != len(token.claims.actors):
        return frozenset()
    scope = meet(token.scope, boundary)
    for principal in people:
        if principal is None or principal.state is not Lifecycle.ACTIVE:
            return frozenset()
        scope = meet(scope, principal.permissions)
    return scope


async def scope_today(token: Token, principals: Principals, now: datetime) -> frozenset[str]:
    """Return what a token allows now where it was made for: nothing when one of those behind it is not there."""
    place = token.claims.place
    actor = await principals.get(token.principal, place)
    initiator = await principals.get(token.initiator, place)
    if actor is None or initiator is None:
        return frozenset()
    return current_scope(
        token,
        actor=actor,
        initiator=initiator,
        behind=[await principals.get(name, place) for name in token.claims.actors],
        boundary=principals.boundary(place),
        now=now,
    )


def describe_token(minted: Minted) -> dict[str, Json]:
    """Return what the journal says of a new token: everything but the secret."""
    token = minted.token
    return {
        "step": token.step,
        "principal": token.principal,
        "initiator": token.initiator,
        "scope": sorted(token.scope),
        "expires_at": iso(token.expires_at),
        **token.claims.to_json(),
    }
