"""A session: one agent that runs elsewhere, for one person or service, for one purpose, for a while.

Rules
  1. A session is a stream of the journal, as an execution is: `ses_…` is the `execution` of its actions, `door` their step.
  2. It states what it is for: a purpose, which is the agent's own, and the request, the words and inputs of who opened it. The
     request is a trusted origin, so it is recorded once, before the agent begins, and cannot be added to.
  3. Its token is for the tools of servers that its agent declares and who opened it may use. It dies with the session.
  4. One process serves a session at a time: what was begun and not ended is then known to be nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.clock import iso

STEP = "door"


class SessionState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class TaskRequest:
    """What a person asks for: free words, and inputs by name, which are data and can be trusted as such."""

    text: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        return {"text": self.text, "inputs": dict(self.inputs)}


@dataclass(frozen=True)
class Session:
    """One session. `agent` and `initiator` are principals' ids, `request` is the digest of what was asked for, `holder` the
    process that serves it, or empty."""

    id: str
    agent: str
    initiator: str
    purpose: str
    case: str
    request: str
    opened_at: datetime
    expires_at: datetime
    state: SessionState = SessionState.OPEN
    holder: str = ""

    @property
    def task(self) -> dict[str, Json]:
        """What its actions are for, as the gate has it as a fact."""
        about: dict[str, Json] = {"session": self.id, "purpose": self.purpose, "case": self.case}
        return {**about, "request_digest": self.request}

    def to_json(self) -> dict[str, Json]:
        """Return the session as commands and the API show it."""
        return {
            "id": self.id,
            "agent": self.agent,
            "initiator": self.initiator,
            "purpose": self.purpose,
            "case": self.case,
            "state": str(self.state),
            "opened_at": iso(self.opened_at),
            "expires_at": iso(self.expires_at),
        }


@dataclass(frozen=True)
class OpenSession:
    """Guard: store a new session."""

    session: Session
    guards = "session {0.session.id}"


@dataclass(frozen=True)
class CloseSession:
    """Guard: close a session; fails when it is closed already."""

    session: str
    guards = "session {0.session}"


@dataclass(frozen=True)
class TakeSession:
    """Guard: have another process serve a session; fails unless `before` serves it still."""

    session: str
    before: str
    process: str
    guards = "session {0.session}"


class Sessions(Protocol):
    """Reads sessions. Changing them is a guard of the journal."""

    async def get(self, session: str) -> Session | None:
        """Return a session, or None."""
        ...

    async def find(self, *, state: SessionState | None = None) -> list[Session]:
        """Return sessions in the order in which they were opened."""
        ...
