"""Recalls what is known when a session's next call is judged, from its journal alone: a crash loses nothing.

Rules
  1. The person's words and inputs are those recorded when the session was opened, and of the digest that the action's task names.
     Where they cannot be read, nothing is known, and the policy asks.
  2. Each earlier call counts that succeeded, in order, as it was asked for and with what its delegate signed. What a denied,
     failed or unknown call said is not read: nobody vouches for it. What any of them was allowed to write counts as written.
  3. The manifests are those of now: what an owner has taken back vouches for nothing any more.
  4. What was read once is kept in memory, so that a long session costs no more than a short one. It is read anew when a manifest
     that it rests on has changed.
  5. What another session of the same case was allowed to write, and no trusted origin of that session vouched for, is no record's
     word here either. Where what it asked for has been destroyed, no record vouches in the case any more.
  6. What anybody else was allowed to write so, in whatever session or execution, is no record's word (`writings`): neither
     for a value nor for a look-up that it leads.

The origin of each value is `origins`.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import TrustError
from bridle.dispatch.protocol import PRIVATE_HOLDS
from bridle.gate.action import Action
from bridle.gate.history import Cases
from bridle.gate.manifest import Effect, Manifest, Manifests
from bridle.gate.origins.judging import ANYTHING, begin, judge, leave_out, take_result, take_write
from bridle.gate.origins.sources import leaves
from bridle.gate.origins.vouching import Background
from bridle.gate.origins.writings import NoteWriting, Writings, find_writing, leave_out_written, server_of
from bridle.trust.journal import Journal, Kind, Record

KINDS = (Kind.SESSION_OPENED, Kind.DECIDED, Kind.OUTCOME)
LIGHT = 4_000  # characters of arguments, sources and texts: with fewer a judgement is over before a thread has begun
_Result = TypeVar("_Result")
MOST_SESSIONS = 64  # kept in memory; one that was used longer ago is read anew


@dataclass(frozen=True)
class _Known:
    """What was read of a session up to the record `seq`: its opening, what was decided and has no outcome yet, the background,
    and the digest of each manifest that it rests on."""

    opened: Record
    background: Background
    seq: int = -1
    decided: Mapping[str, Record] = field(default_factory=dict)
    manifests: Mapping[str, str] = field(default_factory=dict)


class Recall:
    """Finds the origins of a call's values."""

    def __init__(
        self, journal: Journal, manifests: Manifests, writings: Writings, cases: Cases | None = None
    ) -> None:
        self._journal = journal
        self._manifests = manifests
        self._writings = writings
        self._cases = cases
        self._sessions: OrderedDict[str, _Known] = OrderedDict()

    async def describe(self, action: Action, manifest: Manifest | None) -> list[Json] | None:
        """Return the fact: the origin of each judged value of a call of an external tool; None for another tool, or when
        nothing is known of the session it is made in."""
        if manifest is None or not manifest.external:
            return None
        background = await self.before(action)
        if background is None:
            return None
        given = action.request.arguments
        judged = await _aside(given, background, lambda: judge(given, manifest, background))
        return [origin.to_json() for origin in judged]

    async def before(self, action: Action) -> Background | None:
        """Return what is known before `action`, or None when the words of the person it is for cannot be read."""
        known = await self._read(action.execution, action.task or {}, purpose=action.request.purpose)
        if known is None:
            return None
        background = leave_out(known.background, await self._written_beside(action))
        return await leave_out_written(background, self._writings, beside=action.execution)

    async def note(self, action: Action, manifest: Manifest) -> NoteWriting | None:
        """Return the guard that notes what a call may write that no trusted origin vouches for, or None for one that writes
        writes
        nothing such; raise TooMuchWritten."""
        if not manifest.external or manifest.effect is Effect.READ:
            return None
        background = await self.before(action) or begin("", None, purpose="")
        given = action.request.arguments
        values = await _aside(given, background, lambda: find_writing(given, manifest, background))
        return NoteWriting(server_of(manifest.tool), action.execution, values) if values else None

    async def _written_beside(self, action: Action) -> frozenset[str]:
        """Return what the other sessions of the case may have written without a trusted origin: rule 5."""
        case = action.task.get("case") if action.task else None
        if not case or self._cases is None:
            return frozenset()
        written: frozenset[str] = frozenset()
        for session in await self._cases.of_case(str(case)):
            if session != action.execution:
                try:
                    other = await self._read(session)
                except TrustError:
                    other = None  # what was asked for there has been destroyed
                written |= other.background.written if other else {ANYTHING}
        return written

    async def _read(
        self, session: str, task: Mapping[str, Json] | None = None, *, purpose: str = ""
    ) -> _Known | None:
        """Return what is known of a session, of one of another task than `task` nothing."""
        known = self._sessions.get(session)
        if known is not None and not self._holds(known, purpose):
            known = None
        records = await self._journal.read(execution=session, after=known.seq if known else -1, kinds=KINDS)
        opened = (
            known.opened if known else next((one for one in records if one.kind is Kind.SESSION_OPENED), None)
        )
        asked = await self._asked(opened, task) if opened else None
        if opened is None or asked is None:
            self._sessions.pop(session, None)
            return None
        if known is None:
            purpose = purpose or str(opened.body["purpose"])
            known = _Known(opened, begin(str(asked.get("text", "")), asked.get("inputs"), purpose=purpose))
        known = await self._add(known, records)
        self._keep(session, known)
        return known

    def _holds(self, known: _Known, purpose: str) -> bool:
        now = {tool: self._digest(tool) for tool in known.manifests}
        return known.background.purpose == (purpose or known.background.purpose) and now == known.manifests

    def _digest(self, tool: str) -> str:
        manifest = self._manifests.get(tool)
        return manifest.digest if manifest else ""

    def _keep(self, session: str, known: _Known) -> None:
        self._sessions[session] = known
        self._sessions.move_to_end(session)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)

    async def _asked(self, opened: Record, task: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
        try:
            asked = await self._request(opened)
        except TrustError:
            return None  # destroyed, or not what was recorded: the policy asks
        if not isinstance(asked, Mapping):
            return None
        return asked if task is None or digest(asked) == task.get("request_digest") else None

    async def _request(self, record: Record) -> Json:
        """Return a request as it was made; its redacted form stands in the record itself."""
        if "request" not in record.raw:
            return record.body["request"]
        revealed: Json = json.loads(await self._journal.reveal(record, "request"))
        return revealed

    async def _answer(self, outcome: Record) -> Json:
        """Return what a tool answered, as it did; its masked form stands in the record."""
        if as_mapping(outcome.body["facts"]).get(PRIVATE_HOLDS) != "value":
            return outcome.body["value"]
        answered: Json = json.loads(await self._journal.reveal(outcome, "private"))
        return answered

    async def _add(self, known: _Known, records: Sequence[Record]) -> _Known:
        decided, manifests, background = dict(known.decided), dict(known.manifests), known.background
        for record in records:
            if record.kind is Kind.DECIDED:
                decided[record.subject] = record
            asked = decided.get(record.subject)
            if asked is None or asked.body["effect"] != "allow":
                continue
            request = as_mapping(await self._request(asked))
            tool = str(request["tool"])
            manifest, manifests[tool] = self._manifests.get(tool), self._digest(tool)
            if record.kind is Kind.DECIDED:
                background = _allow(background, request, manifest)
            elif decided.pop(record.subject) and record.body["status"] == "succeeded":
                background = _take(background, request, await self._answer(record), manifest)
                background = await leave_out_written(background, self._writings, beside=record.execution)
        seq = records[-1].seq if records else known.seq
        return _Known(known.opened, background, seq, decided, manifests)


async def _aside(
    arguments: Mapping[str, Json], background: Background, work: Callable[[], _Result]
) -> _Result:
    """Do what takes long beside the event loop, so that one session's call holds up nobody else's, and no lease."""
    size = (
        len(background.sources) + len(background.texts) + sum(len(str(leaf)) for _, leaf in leaves(arguments))
    )
    return await asyncio.to_thread(work) if size > LIGHT else work()


def _allow(background: Background, request: Mapping[str, Json], manifest: Manifest | None) -> Background:
    """Add what a call was allowed to write: whatever its outcome says, it may have."""
    if manifest is None or not manifest.external:
        return background
    return take_write(background, manifest, as_mapping(request["arguments"]))


def _take(
    background: Background, request: Mapping[str, Json], value: Json, manifest: Manifest | None
) -> Background:
    """Add what a server answered: its structured part, which the manifest speaks of, and the texts beside it."""
    if manifest is None or not manifest.external or not isinstance(value, Mapping):
        return background
    said: dict[str, Any] = {"content": value.get("content"), "error": value.get("error")}
    arguments = as_mapping(request["arguments"])
    return take_result(background, manifest, arguments, value.get("structured"), beside=said)
