"""The life of a principal: which changes there are, from which state, and which version of an agent may act.

    draft ──approve──> approved ──activate, or an agent's first use──> active <──suspend / activate──> suspended
    all of them ──retire──> retired, which is the end

Rules
  1. Only an active principal acts. Nothing but a person's change leaves suspended, and nothing leaves retired: a new version of
     an agent's file changes neither.
  2. A version is a digest. Approving one lets that one act, and no later one.
  3. Where versions need no approval (`first_use`), a new version of an agent that may act is active when somebody starts it: the
     file is theirs. Where they do, a version that nobody approved is refused, and an agent that nobody knew is a draft.
  4. A draft waits for somebody's approval, whatever the setting is by then.

Pure. Who may make a change, and its record, are `trust.registry`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from bridle.core.errors import InputError, TrustError
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind


class Change(StrEnum):
    """What a person can do to a principal that is there."""

    APPROVE = "approve"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RETIRE = "retire"


_FROM: Mapping[Change, frozenset[Lifecycle]] = {
    Change.APPROVE: frozenset(Lifecycle) - {Lifecycle.RETIRED},
    Change.ACTIVATE: frozenset({Lifecycle.APPROVED, Lifecycle.SUSPENDED}),
    Change.SUSPEND: frozenset({Lifecycle.APPROVED, Lifecycle.ACTIVE}),
    Change.RETIRE: frozenset(Lifecycle) - {Lifecycle.RETIRED},
}
_TO: Mapping[Change, Lifecycle] = {
    Change.ACTIVATE: Lifecycle.ACTIVE,
    Change.SUSPEND: Lifecycle.SUSPENDED,
    Change.RETIRE: Lifecycle.RETIRED,
}


def change_principal(principal: Principal, change: Change, *, version: str = "") -> Principal:
    """Return the principal after a change; `version` is the digest that is approved, the present one if empty.

    Raise InputError for a change that its state does not allow.
    """
    if principal.state not in _FROM[change]:
        allowed = ", ".join(sorted(_FROM[change]))
        raise InputError(
            f"{principal.id} is {principal.state}: {change} is for one that is {allowed}",
            hint=_HINTS.get(principal.state, f"bridle principals show {principal.id}"),
            reason="wrong-state",
        )
    if change is not Change.APPROVE:
        return replace(principal, state=_TO[change])
    state = Lifecycle.APPROVED if principal.state is Lifecycle.DRAFT else principal.state
    approved = version or principal.digest
    return replace(principal, state=state, approved=principal.approved | ({approved} if approved else set()))


_HINTS: Mapping[Lifecycle, str] = {
    Lifecycle.DRAFT: "approve it first: bridle principals approve",
    Lifecycle.RETIRED: "nothing brings it back: register another one under a new name",
}


def admit_version(known: Principal | None, new: Principal, *, first_use: bool) -> Principal:
    """Return the principal that acts when `new`, an agent as its file has it, is to begin; `known` itself when nothing changes.

    Whether its state lets it act is asked where its token is made. Raise TrustError for a version that nobody has approved.
    """
    assert new.kind is PrincipalKind.AGENT
    if known is None:
        return replace(new, state=Lifecycle.ACTIVE if first_use else Lifecycle.DRAFT)
    kept = replace(new, state=known.state, approved=known.approved)
    if known.state is Lifecycle.DRAFT:
        return kept if known.digest != new.digest else known
    if known.state in (Lifecycle.SUSPENDED, Lifecycle.RETIRED):
        return known
    if not first_use and new.digest not in known.approved:
        raise TrustError(
            f"nobody has approved version {new.version} of {new.id} ({new.digest})",
            hint=f"bridle principals approve {new.id} --version {new.digest}",
            reason="version-not-approved",
        )
    if known.digest == new.digest and known.state is Lifecycle.ACTIVE:
        return known
    return replace(kept, state=Lifecycle.ACTIVE)
