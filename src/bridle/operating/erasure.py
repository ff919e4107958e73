"""Erasure: what an execution, session or case holds of people is destroyed at somebody's request; the journal stays provable.

Rules
  1. Destroyed are the raw values with the key and the salt that open them, the execution's inputs, what approvers were shown,
     and the durable engine's rows. The same goes for the executions that belong to it, and for the sessions of a case.
  2. The journal stays, byte for byte: it holds the redacted text, and salted digests that prove nothing to anybody any more
     once the salt is gone. Audit and evidence verify as before, and an explanation says what was erased, by whom, by which rule.
  3. Only what has ended is erased, by a person who holds `history:erase`, under a rule that is named: a law, a ticket.
  4. The erasure is a record, in one transaction with the destruction. The engine's rows go first: a process that dies in between
     leaves something to do again, never something unrecorded.

On SQLite deleted bytes are overwritten, and its log is cut; PostgreSQL does that when it vacuums.

Not touched: workspaces and snapshots, which are the delegate's; copies that were exported; and digests, which are not salted, of
whole actions and of what was written without a trusted origin (gate.origins.writings): somebody who knows all but one short value
could confirm a guess at that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.engine.execution import Executions
from bridle.engine.retention import DestroyValues, EngineHistory
from bridle.operating.session import Sessions, SessionState
from bridle.trust.access import require
from bridle.trust.journal import Entry, Guard, Journal, Kind
from bridle.trust.principals import Principals

PERMISSION = "history:erase"
REMOVED = ("engine-history", "raw-values", "inputs", "shown-to-approvers")
MOST_EXECUTIONS = 1_000_000


@dataclass(frozen=True)
class EraseTraces:
    """Guard: empty what rows of the store still hold of an execution or session: its inputs, and what approvers were shown."""

    stream: str
    guards = "traces of {0.stream}"


@dataclass(frozen=True)
class Request:
    """Who wants it erased, and by which rule."""

    by: str
    rule: str
    comment: str = ""


class Traces(Protocol):
    """What the store's own files and rows hold of people."""

    async def mentioning(self, text: str) -> list[str]:
        """Return the executions and sessions whose raw values or inputs hold a text, by id."""
        ...

    async def is_final(self, case: str) -> bool | None:
        """Say whether a case is final; None when there is none of that id."""
        ...

    async def scrub(self) -> None:
        """Have the store's files forget what was deleted, as far as the store can do that at once."""
        ...


@dataclass(kw_only=True)
class Erasure:
    """Erases at a person's request."""

    journal: Journal
    executions: Executions
    sessions: Sessions
    principals: Principals
    engine: EngineHistory
    traces: Traces

    async def erase(self, stream: str, request: Request) -> list[str]:
        """Erase an execution with those that belong to it, or a session; return what was erased, by id.

        Raise InputError when there is none, it has not ended, or no rule is named, and TrustError for who may not.
        """
        await require(self.principals, request.by, PERMISSION)
        if not request.rule.strip():
            raise InputError(
                "an erasure needs a rule", hint="--rule 'GDPR Art. 17, ticket 4711'", reason="no-rule"
            )
        streams = await self._belonging(stream)
        if len(await self.engine.forget(streams)) < len(streams):
            raise _lives(stream)
        for one in streams:
            await self._destroy(one, request)
        await self.traces.scrub()
        return streams

    async def _destroy(self, stream: str, request: Request) -> None:
        guards: list[Guard] = [EraseTraces(stream), DestroyValues(stream)]
        body: dict[str, Json] = {
            "by": request.by,
            "rule": request.rule,
            "comment": request.comment,
            "removed": list(REMOVED),
        }
        await self.journal.append([Entry(Kind.VALUES_ERASED, stream, stream, body)], guards)

    async def _belonging(self, stream: str) -> list[str]:
        """Return the stream and the executions that belong to it, all of which have ended."""
        session = await self.sessions.get(stream)
        if session is not None:
            if session.state is not SessionState.CLOSED:
                raise InputError(
                    f"{stream} is open", hint=f"bridle session close {stream}", reason="has-not-ended"
                )
            return [stream]
        final = await self.traces.is_final(stream)
        if final is not None:
            return await self._of_case(stream, final=final)
        known = {one.id: one for one in await self.executions.find(limit=MOST_EXECUTIONS)}
        if stream not in known:
            raise InputError(
                f"there is no execution, session or case {stream!r}",
                hint="bridle executions, bridle session list, bridle case list",
                reason="no-execution",
            )
        found: list[str] = [stream]
        for one in found:
            found += [each.id for each in known.values() if each.options.get("parent") == one]
        if any(not known[one].state.ended for one in found):
            raise _lives(stream)
        return found

    async def _of_case(self, case: str, *, final: bool) -> list[str]:
        """Return a case with the sessions that worked on it, all of which are closed."""
        mine = [one for one in await self.sessions.find() if one.case == case]
        if not final or any(one.state is not SessionState.CLOSED for one in mine):
            raise InputError(
                f"{case} is open, or a session of it is",
                hint="bring it to its end, and close its sessions",
                reason="has-not-ended",
            )
        return [case, *(one.id for one in mine)]


def _lives(stream: str) -> InputError:
    return InputError(f"{stream} has not ended", hint="cancel it, or let it end", reason="has-not-ended")
