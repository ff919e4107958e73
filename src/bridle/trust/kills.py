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

Pure but for the ports: `adapters.sql.kills` keeps them, `engine.killing` is what a process does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.clock import Clock, iso
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.keys import Verifier
from bridle.trust.notary import Author, Form, Notary
from bridle.trust.principals import PrincipalKind

PERMISSION = "fleet:kill"
STREAM = "kills"
WITHIN_S = 5.0
LOOK_S = 0.1
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
        return {
            "id": self.id,
            "scope": str(self.scope),
            "name": self.name,
            "reason": self.reason,
            "by": self.by,
            "at": iso(self.at),
            "concerned": list(self.concerned),
        }


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

    @property
    def guards(self) -> str:
        return f"kill {self.kill.id}"


@dataclass(frozen=True)
class LiftKill:
    """Guard: a kill that stands counts no more."""

    kill: str
    now: datetime

    @property
    def guards(self) -> str:
        return f"kill {self.kill}"


@dataclass(frozen=True)
class AnswerKill:
    """Guard: a process says how much of what is concerned is left in it; 0 is all dead."""

    kill: str
    process: str
    left: int
    now: datetime

    @property
    def guards(self) -> str:
        return f"the answer of {self.process} to kill {self.kill}"


@dataclass(frozen=True)
class NotKilled:
    """Guard: no kill stands for an execution, or for any of those who act; raises Killed."""

    execution: str
    actors: frozenset[str]

    @property
    def guards(self) -> str:
        return f"life of {self.execution}"


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


class KillDesk:
    """Where kills are made and lifted."""

    def __init__(
        self,
        *,
        journal: Journal,
        kills: Kills,
        notary: Notary,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._kills = kills
        self._notary = notary
        self._clock = clock

    async def kill(self, scope: Scope, name: str, *, reason: str, by: Author) -> Kill:
        """Record a kill, which counts when this returns; raise InputError or TrustError."""
        if len(reason.split()) < 2:
            raise InputError(
                "the reason for a kill is too short: others have to understand it, so it has two words at least",
                hint="--reason 'it pays twice'",
                reason="no-reason",
            )
        if scope is Scope.AGENT:
            name = name.partition("@")[0]
            if await self._notary.principals.get(name) is None:
                raise InputError(
                    f"no agent {name} is known, so nothing would be stopped",
                    hint="bridle principals lists them",
                    reason="unknown-agent",
                )
        kill = Kill(
            id=new_id("kil"),
            scope=scope,
            name=name,
            reason=" ".join(reason.split()),
            by=by.principal,
            at=self._clock.now(),
        )
        body = await self._sign(kill.to_json(), by)
        try:
            await self._journal.append([Entry(Kind.KILL_MADE, STREAM, kill.id, body)], [MakeKill(kill)])
        except NothingToKill as error:
            raise InputError(
                f"no pipeline {name} was ever started, so nothing would be stopped",
                hint="bridle executions lists them; --all stops everything",
                reason=NothingToKill.default_reason,
            ) from error
        return await self._find(kill.id)

    async def lift(self, kill_id: str, *, reason: str, by: Author) -> Kill:
        """Record that a kill counts no more. What was stopped stays stopped, and may be started anew."""
        kill = await self._find(kill_id)
        now = self._clock.now()
        body = await self._sign({**kill.to_json(), "reason": reason, "by": by.principal, "at": iso(now)}, by)
        try:
            await self._journal.append(
                [Entry(Kind.KILL_LIFTED, STREAM, kill.id, body)], [LiftKill(kill.id, now)]
            )
        except GuardError as error:
            raise _unknown(kill_id) from error
        return kill

    async def await_answers(self, kill: Kill, *, within_s: float = WITHIN_S) -> list[Answer]:
        """Return what each process has answered, once all have confirmed or the time is over; who was silent is fenced."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        known = {answer.process: answer for answer in await self._kills.answers(kill.id)}
        while loop.time() < until and any(answer.left != 0 for answer in known.values()):
            await asyncio.sleep(LOOK_S)
            known |= {answer.process: answer for answer in await self._kills.answers(kill.id)}
        silent = {answer.process for answer in known.values() if answer.left is None}
        if silent:
            await self._kills.fence(silent)
        return sorted(known.values(), key=lambda answer: answer.process)

    async def _find(self, kill_id: str) -> Kill:
        found = next((kill for kill in await self._kills.standing() if kill.id == kill_id), None)
        if found is None:
            raise _unknown(kill_id)
        return found

    async def _sign(self, said: Mapping[str, Json], by: Author) -> dict[str, Json]:
        """Return the body of a record, signed by all who have to."""
        speaker = await self._notary.hear(by, PERMISSION)
        if speaker.principal.kind not in (PrincipalKind.USER, PrincipalKind.SERVICE):
            who = speaker.principal.id
            raise TrustError(f"{who} cannot kill or lift", hint="ask a person", reason="not-a-person")
        kill = {name: value for name, value in said.items() if name in FORM.fields}
        return self._notary.sign(FORM, {**speaker.to_json(), **kill, "author": speaker.name}, speaker.person)


def check_kill(body: Mapping[str, Json], *, control_plane: Verifier) -> None:
    """Raise TrustError unless a record of a kill, or of a lift, is signed by all who had to."""
    FORM.check(body, control_plane=control_plane)


def _unknown(kill_id: str) -> InputError:
    return InputError(f"no kill {kill_id!r} stands", hint="bridle kill --list", reason="no-kill")
