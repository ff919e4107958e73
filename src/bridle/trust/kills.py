"""The kill switch: an agent, a pipeline or everything stops at once, in all processes, and stays stopped until it is lifted.

Rules
  1. Only a user or a service account that is active and holds `fleet:kill` kills, with a reason, and lifts. An agent never does.
  2. A kill is one transaction: a record signed by the control plane, and by the person who has a key; the mark that counts from
     then on; the tokens concerned are deleted, the sessions closed, the executions to be cancelled. Nothing is told beforehand.
  3. While it stands no intent of what it names is recorded, no token of it made, nothing of it started, admitted or opened: that
     is looked at in each of those transactions. So a process that knows nothing of the kill, because it was stopped itself,
     does nothing more either.
  4. Each process that carries executions looks at the kills, ends what runs here of what is concerned, and says how much is left.
     What can be cut short is dead then; a call that was sent cannot be unsent, and is told as still under way.
  5. Whoever killed is told of every process that lives, or may: confirmed, still ending, or silent. A silent one loses its lease:
     it can write nothing any more, whatever becomes of it.
  6. Of an agent is concerned what it has a token in, for itself or through others; of a pipeline its executions; with each what
     belongs to it (chained pipelines, rollbacks).

Pure but for the ports: `adapters.sql.kills` keeps them, `trust.kill_desk` makes them, `engine.killing` is what a process does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.core.errors import TrustError
from bridle.trust.journal import GuardError
from bridle.trust.keys import Verifier
from bridle.trust.notary import Form

STREAM = "kills"
FORM = Form(
    "bridle/kill/1",
    "the kill",
    frozenset({"id", "scope", "name", "reason", "by", "author", "asserted", "at", "person"}),
)


class Scope(StrEnum):
    """What a kill stops."""

    AGENT = "agent"
    PIPELINE = "pipeline"
    ALL = "all"


@dataclass(frozen=True)
class Kill:
    """One kill. `name` is an agent's principal id or a pipeline's id, empty for all; `concerned` are the executions and sessions
    that were under way."""

    id: str
    scope: Scope
    name: str
    reason: str
    by: str
    at: datetime
    concerned: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        return "everything" if self.scope is Scope.ALL else f"the {self.scope} {self.name}"

    def to_json(self) -> dict[str, Json]:
        return {**vars(self), "scope": str(self.scope), "at": iso(self.at), "concerned": list(self.concerned)}


class Killed(TrustError):
    """Somebody has stopped what this belongs to."""

    default_reason = "killed"


class NothingToKill(GuardError):
    """No pipeline of that id was ever started here."""

    default_reason = "unknown-pipeline"


@dataclass(frozen=True)
class MakeKill:
    """Guard: the kill counts from now on; what it concerns loses its tokens, is closed, or is to be cancelled.

    Fails with NothingToKill for a pipeline that was never started.
    """

    kill: Kill
    guards = "kill {0.kill.id}"


@dataclass(frozen=True)
class LiftKill:
    """Guard: a kill that stands counts no more."""

    kill: str
    now: datetime
    guards = "kill {0.kill}"


@dataclass(frozen=True)
class AnswerKill:
    """Guard: a process says how much of what is concerned is left in it; 0 is all dead."""

    kill: str
    process: str
    left: int
    now: datetime
    guards = "the answer of {0.process} to kill {0.kill}"


@dataclass(frozen=True)
class NotKilled:
    """Guard: no kill stands for an execution, or for any of those who act; raises Killed."""

    execution: str
    actors: frozenset[str]
    guards = "life of {0.execution}"


@dataclass(frozen=True)
class Answer:
    """What is known of one process. `left` is None while it has said nothing; `host` and `pid` say where it is."""

    process: str
    host: str
    pid: int
    silent_s: float
    left: int | None = None
    at: str = ""

    @property
    def state(self) -> str:
        if self.left is None:
            return "silent"
        return "still ending" if self.left else "confirmed"

    def to_json(self) -> dict[str, Json]:
        return {
            "process": self.process,
            "host": self.host,
            "pid": self.pid,
            "state": self.state,
            "left": self.left,
            "at": self.at or None,
            "silent_s": f"{self.silent_s:.1f}",
        }


class Kills(Protocol):
    """Reads kills. Making, answering and lifting them are guards of the journal."""

    async def standing(self) -> list[Kill]:
        """Return the kills that count now, the oldest first."""
        ...

    async def unanswered(self, process: str) -> list[Kill]:
        """Return those that count now and to which the process has not said that nothing is left."""
        ...

    async def of(self, execution: str) -> Kill | None:
        """Return the kill that ended an execution, also one that was lifted since."""
        ...

    async def answers(self, kill: str) -> list[Answer]:
        """Return every process that may live, with what it has answered."""
        ...

    async def fence(self, processes: Collection[str]) -> None:
        """Take the leases of processes: they can write nothing any more."""
        ...


def check_kill(body: Mapping[str, Json], *, control_plane: Verifier) -> None:
    """Raise TrustError unless a record of a kill, or of a lift, is signed by all who had to."""
    FORM.check(body, control_plane=control_plane)
