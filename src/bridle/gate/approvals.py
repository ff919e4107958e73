"""Approvals: a person's word about one exact action, and what that word rests on.

Rules
  1. An approval binds to an action's digest and to what it rests on: commit, report, policy, agent version.
  2. It is given by as many people as its terms want, each once, before it expires (trust.quorum). A time-out approves nothing,
     unless its author wrote that default for a step that guards no action.
  3. It is used once, in the transaction that writes the action's intent; the action is decided again then.
  4. When what it rests on has changed, it no longer answers: the action asks anew. One that rests on a case is void from the
     moment when the case changes, in that transaction: nobody gives a word that would be worth nothing.
  5. Only signed verdicts in the journal count; the store's row says what to look for, and is believed in nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.canonical import Json, digest
from bridle.core.clock import from_iso, iso
from bridle.core.errors import TrustError
from bridle.trust.journal import Kind, Record
from bridle.trust.keys import KeyRing
from bridle.trust.quorum import DEFAULT_GRACE, Tally, Terms, take_word
from bridle.trust.verdicts import answered_terms, read_word


class ApprovalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"
    VOID = "void"


@dataclass(frozen=True)
class Approval:
    """A request for people's words, and the words once they are given.

    `action` is the digest it binds to, `topic` the step that waits for it. `given` are the people whose approval stands, `by` is
    who gave the last verdict; `asserted` says that only the operating system vouches for them. `shown` is what people were
    given to read (difference, reports, rules), `inputs` what the last approver filled in.
    """

    id: str
    execution: str
    topic: str
    key: str
    action: str
    tool: str
    message: str
    rests_on: Mapping[str, Json]
    shown: Mapping[str, Json]
    requested_at: datetime
    expires_at: datetime
    state: ApprovalState = ApprovalState.OPEN
    by: str = ""
    asserted: bool = False
    comment: str = ""
    terms: Terms = field(default_factory=Terms)
    given: tuple[str, ...] = ()
    inputs: Mapping[str, Json] = field(default_factory=dict)

    @property
    def answered_by(self) -> datetime:
        """When its waiting ends: when it expires, or when the author's default holds."""
        return self.expires_at - DEFAULT_GRACE if self.terms.auto_approve else self.expires_at

    @property
    def escalates_at(self) -> datetime | None:
        """From when on more people may answer it."""
        return self.terms.escalates_at(self.requested_at)

    @property
    def missing(self) -> int:
        """How many more people have to approve."""
        return max(self.terms.minimum - len(self.given), 0)

    def state_at(self, now: datetime) -> ApprovalState:
        """Return the state as it counts at `now`: what was not used in time has expired."""
        if self.state in (ApprovalState.OPEN, ApprovalState.APPROVED) and now >= self.expires_at:
            return ApprovalState.EXPIRED
        return self.state


@dataclass(frozen=True)
class RequestApproval:
    """Guard: store a request; fails when one for the same action is open already."""

    approval: Approval
    guards = "approval for {0.approval.key}"


@dataclass(frozen=True)
class GiveVerdict:
    """Guard: record one person's verdict on an open request that has not expired.

    The store counts: the request is approved with the last word it needs, and one denial denies it. `automatic` is the author's
    default, which needs no count.
    """

    approval: str
    verdict: ApprovalState
    voter: str
    by: str
    asserted: bool
    comment: str
    now: datetime
    automatic: bool = False
    guards = "approval {0.approval}"


@dataclass(frozen=True)
class RevokeVerdict:
    """Guard: take a person's approval back from a request that has not been used."""

    approval: str
    voter: str
    now: datetime
    guards = "approval {0.approval}"


@dataclass(frozen=True)
class UseApproval:
    """Guard: use up an approved request for exactly this action."""

    approval: str
    action: str
    now: datetime
    guards = "approval {0.approval}"


@dataclass(frozen=True)
class CloseApproval:
    """Guard: close a request that no longer answers, because it expired or what it rests on has changed."""

    approval: str
    guards = "approval {0.approval}"


@dataclass(frozen=True)
class VoidApproval:
    """Guard: let a request that waits answer nothing any more, for a reason that people read; one that has ended is no fault."""

    approval: str
    why: str
    guards = "approval {0.approval}"


class Approvals(Protocol):
    """Reads approvals. Changing them is a guard of the journal."""

    async def get(self, approval: str) -> Approval | None: ...

    async def newest_for(self, action: str) -> Approval | None:
        """Return the newest request for an action's digest, in whatever state."""
        ...

    async def find(self, *, execution: str = "", states: Sequence[ApprovalState] = ()) -> list[Approval]:
        """Return requests, oldest first, of one execution or of all, in these states or in any."""
        ...


def describe_verdict(
    approval: Approval, verdict: str, *, by: str, name: str = "", asserted: bool = False, comment: str = ""
) -> dict[str, Json]:
    """Return the body of a verdict's record on this request, before anybody has signed it."""
    return {
        "approval": approval.id,
        "action": approval.action,
        "rests_on": digest(approval.rests_on),
        "terms": approval.terms.digest,
        "verdict": str(verdict),
        "by": by,
        "name": name,
        "asserted": asserted,
        "comment": comment,
        "inputs": {},
        "person": None,
    }


def count_words(approval: Approval, records: Sequence[Record], *, keys: KeyRing) -> Tally:
    """Count the signed verdicts on a request; raise TrustError when the store's row is not what the journal asked for.

    `records` are all that the journal holds about the request, in order.
    """
    asked = [record for record in records if record.kind is Kind.APPROVAL_REQUESTED]
    if len(asked) != 1 or _asked(asked[0]) != _claimed(approval):
        raise TrustError("the request is not the one that was recorded", where=approval.id)
    wanted = {
        "approval": approval.id,
        "action": approval.action,
        "rests_on": digest(approval.rests_on),
    }
    tally = Tally()
    for record in records:
        if record.kind is not Kind.APPROVAL_VERDICT:
            continue
        body = record.body
        bound = all(body.get(name) == value for name, value in wanted.items())
        if not bound or answered_terms(body) != approval.terms.digest:
            raise TrustError("a verdict answers another request", where=approval.id)
        key, earlier = keys.at(record.seq), keys.before(record.seq)
        word = read_word(body, control_plane=key, earlier=earlier, at=from_iso(record.at))
        tally = take_word(
            tally,
            word,
            approval.terms,
            expires_at=approval.expires_at,
            escalates_at=approval.escalates_at,
        )
    return tally


def _asked(record: Record) -> dict[str, Json]:
    body = record.body
    return {
        **{name: body.get(name) for name in ("action", "tool", "topic", "rests_on", "expires_at")},
        "terms": body.get("terms") or Terms().to_json(),
        "escalates_at": body.get("escalates_at"),
        "approval": record.subject,
    }


def _claimed(approval: Approval) -> dict[str, Json]:
    return {
        "action": approval.action,
        "tool": approval.tool,
        "topic": approval.topic,
        "rests_on": dict(approval.rests_on),
        "expires_at": iso(approval.expires_at),
        "terms": approval.terms.to_json(),
        "escalates_at": iso(approval.escalates_at) if approval.escalates_at else None,
        "approval": approval.id,
    }
