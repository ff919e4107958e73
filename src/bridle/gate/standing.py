"""Who acts, on whose behalf, and what they may do at this moment.

Looked at again for each action: a principal that was suspended, a token that is gone and a right that was taken away count from
the next one on. Nobody is granted anything here; what cannot be found leaves an empty scope.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.gate.action import Action
from bridle.trust.principals import Lifecycle, Place, Principal, Principals
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.tokens import Token, Tokens, as_made_for, current_scope, hash_secret


@dataclass(frozen=True)
class Standing:
    """Who acts, for whom, and what they may do right now. `behind` acted with the token before it was exchanged, the last one
    first; None is one that is not there any more."""

    actor: Principal | None
    initiator: Principal | None
    token: Token | None
    scope: frozenset[str]
    behind: tuple[Principal | None, ...] = ()


@dataclass
class Standings:
    """Finds the standing of whoever brings an action. `delegate` is who would carry it out, with which key: nobody acts once
    it is suspended, or has another key."""

    principals: Principals
    tokens: Tokens
    clock: Clock
    _: KW_ONLY
    delegate: str = ""
    delegate_key: str = ""

    async def of(self, action: Action) -> Standing:
        """Find actor, initiator and token; the control plane alone, no other service account, acts by its own permissions."""
        token = await self.tokens.find(hash_secret(action.token)) if action.token else None
        place = Place.of(token.claims.project if token else "", action.deployment)
        actor = await self.principals.get(action.request.principal, place)
        if not await self._is_carried_out():
            return Standing(actor, None, token, frozenset())
        if actor is not None and actor.id == CONTROL_PLANE:
            scope = actor.permissions if actor.state is Lifecycle.ACTIVE else frozenset()
            return Standing(actor, actor, token, scope)
        if actor is None or token is None or not _is_for(token, action):
            return Standing(actor, None, None, frozenset())
        actor = as_made_for(actor, token)
        assert actor is not None  # it was there just above
        found = [await self.principals.get(name, place) for name in token.claims.actors]
        behind = tuple(as_made_for(one, token) for one in found)
        initiator = (
            actor if token.initiator == actor.id else await self.principals.get(token.initiator, place)
        )
        if initiator is None:
            return Standing(actor, None, token, frozenset(), behind)
        scope = current_scope(
            token,
            actor=actor,
            initiator=initiator,
            behind=behind,
            boundary=self.principals.boundary(place),
            now=self.clock.now(),
        )
        return Standing(actor, initiator, token, scope, behind)

    async def _is_carried_out(self) -> bool:
        """True while the delegate is one that people let act, and its key is the one that this process uses."""
        if not self.delegate:
            return True
        found = await self.principals.get(self.delegate)
        ours = found is not None and self.delegate_key in ("", found.public_key)
        return found is not None and ours and found.state is Lifecycle.ACTIVE


def describe_principal(principal: Principal | None) -> dict[str, Json] | None:
    """Return the fact that a principal is; None for nobody."""
    if principal is None:
        return None
    return {
        "id": principal.id,
        "kind": str(principal.kind),
        "name": principal.name,
        "owner": principal.owner,
        "version": principal.version,
        "digest": principal.digest,
        "state": str(principal.state),
        "asserted": principal.asserted,
        "roles": [
            {"role": role, "through": through, "where": where} for role, through, where in principal.roles
        ],
    }


def _is_for(token: Token, action: Action) -> bool:
    return (
        token.principal == action.request.principal
        and token.execution == action.execution
        and token.step == action.step
        and token.claims.purpose in ("", action.request.purpose)
    )
