"""Execution tokens: short-lived, opaque, and never wider than the narrowest of those who stand behind them.

Rules
  1. scope = agent ∩ initiator ∩ asked for. An empty scope is refused, and so is a principal that is not active.
  2. A token is 256 random bits; the store keeps its SHA-256 and the computed scope.
  3. It is deleted in the transaction that ends its step; `expires_at` is checked at every use besides.
  4. A check compares the scope with the *current* permissions of both principals again: rights that
     shrank during the run shrink the token; rights that grew do not widen it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.core.errors import TrustError
from bridle.core.ids import new_id
from bridle.trust.permissions import meet
from bridle.trust.principals import Lifecycle, Principal

PREFIX = "brt_"


@dataclass(frozen=True)
class Claims:
    """What a token says besides its scope: the project it counts in."""

    project: str = ""

    def to_json(self) -> dict[str, Json]:
        return {"project": self.project}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Claims:
        """Read what `to_json` wrote."""
        return cls(project=content.get("project", ""))


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

    @property
    def guards(self) -> str:
        return f"token {self.token.id}"


@dataclass(frozen=True)
class DeleteTokens:
    """Guard: delete every token of an execution's step (or, with an empty step, of the execution)."""

    execution: str
    step: str = ""

    @property
    def guards(self) -> str:
        return f"tokens of {self.execution}/{self.step}"


class Tokens(Protocol):
    """Finds tokens by the digest of their secret."""

    async def find(self, sha256: str) -> Token | None: ...


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
    project: str = "",
) -> Minted:
    """Compute the scope and make a token; raise TrustError when nothing would be left of it."""
    for principal in (actor, initiator):
        if principal.state is not Lifecycle.ACTIVE:
            raise TrustError(
                f"{principal.id} is {principal.state}",
                hint=f"bridle principals show {principal.id}",
                reason="principal-not-active",
            )
    scope = meet(meet(actor.permissions, initiator.permissions), asked_for)
    if not scope:
        raise TrustError(
            f"nothing that {actor.id} and {initiator.id} may both do was asked for", reason="empty-scope"
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        id=new_id("tok"),
        sha256=hash_secret(secret),
        execution=execution,
        step=step,
        principal=actor.id,
        initiator=initiator.id,
        scope=scope,
        expires_at=expires_at,
        claims=Claims(project),
    )
    return Minted(token, secret)


def hash_secret(secret: str) -> str:
    """Return the form in which a token's secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def current_scope(token: Token, *, actor: Principal, initiator: Principal, now: datetime) -> frozenset[str]:
    """Return what the token still allows: nothing when it expired or one of its principals is not active."""
    alive = actor.state is Lifecycle.ACTIVE and initiator.state is Lifecycle.ACTIVE
    if now >= token.expires_at or not alive:
        return frozenset()
    return meet(meet(actor.permissions, initiator.permissions), token.scope)


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
