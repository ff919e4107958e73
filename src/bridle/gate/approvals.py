"""Approvals: a person's word about one exact action, and what that word rests on.

Rules
  1. An approval binds to an action's digest and to what it rests on: commit, report, policy, agent version.
  2. It is given by an authenticated person, once, before it expires; a time-out never approves.
  3. It is used once, in the transaction that writes the action's intent; the action is decided again then.
  4. When what it rests on has changed, it no longer answers: the action asks anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.canonical import Json


class ApprovalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Approval:
    """A request for a person's word, and the word once it is given.

    `action` is the digest it binds to, `topic` the step that waits for it. `asserted` says that only the operating
    system vouches for `by`; `shown` is what the person was given to read (difference, reports, rules).
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

    def state_at(self, now: datetime) -> ApprovalState:
        """Return the state as it counts at `now`: what was not used in time has expired."""
        if self.state in (ApprovalState.OPEN, ApprovalState.APPROVED) and now >= self.expires_at:
            return ApprovalState.EXPIRED
        return self.state


@dataclass(frozen=True)
class RequestApproval:
    """Guard: store a request; fails when one for the same action is open already."""

    approval: Approval

    @property
    def guards(self) -> str:
        return f"approval for {self.approval.key}"


@dataclass(frozen=True)
class GiveVerdict:
    """Guard: record the verdict on an open request that has not expired."""

    approval: str
    verdict: ApprovalState
    by: str
    asserted: bool
    comment: str
    now: datetime

    @property
    def guards(self) -> str:
        return f"approval {self.approval}"


@dataclass(frozen=True)
class UseApproval:
    """Guard: use up an approved request for exactly this action."""

    approval: str
    action: str
    now: datetime

    @property
    def guards(self) -> str:
        return f"approval {self.approval}"


@dataclass(frozen=True)
class CloseApproval:
    """Guard: close a request that no longer answers, because it expired or what it rests on has changed."""

    approval: str

    @property
    def guards(self) -> str:
        return f"approval {self.approval}"


class Approvals(Protocol):
    """Reads approvals. Changing them is a guard of the journal."""

    async def get(self, approval: str) -> Approval | None: ...

    async def newest_for(self, action: str) -> Approval | None:
        """Return the newest request for an action's digest, in whatever state."""
        ...

    async def find(self, *, execution: str = "", states: Sequence[ApprovalState] = ()) -> list[Approval]:
        """Return requests, oldest first, of one execution or of all, in these states or in any."""
        ...
