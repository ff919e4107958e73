"""Outcomes: what is recorded of an action's end, and all that changes with it in the same transaction.

Rules
  1. The budget and the room of limits are settled, the piece of business ends, the target's history remembers what was done.
  2. What nobody can tell the outcome of is left to a person as work (gate.leaving).
  3. The breakers are told; an opening is recorded after it.
  4. What a delegate reports and the store does not take stays begun: whoever recovers it finds out. It is not told as failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import UnavailableError
from bridle.dispatch.protocol import Report
from bridle.gate import records
from bridle.gate.action import Action, Result, Unknown
from bridle.gate.attempts import end_attempt
from bridle.gate.breakers import Verdict, judge_outcome
from bridle.gate.budgets import SettleBudget, Spend, spent
from bridle.gate.fleet import settle_cost
from bridle.gate.leaving import leave_unknown
from bridle.gate.limits import GiveRoomBack
from bridle.gate.loops import is_counted, record_deed
from bridle.gate.manifest import is_external
from bridle.gate.obligations import end_obligations
from bridle.gate.ports import Ports
from bridle.trust.journal import Entry, Guard, Kind, Record
from bridle.trust.work_items import ParkWork

NOT_RECORDED = "outcome-not-recorded"


class NotRecordedError(UnavailableError):
    """An action was carried out, and the store could not take its outcome."""

    default_reason = NOT_RECORDED


class Outcomes:
    """Records ends, and reads them again."""

    def __init__(self, ports: Ports) -> None:
        self._on = ports

    async def report(self, action: Action, report: Report) -> Result:
        """Record what the delegate reported."""
        settle = [SettleBudget(action.budget, action.key, spent(report.facts))] if action.budget else []
        parked, remember = await self._remember(action, status=report.status, value=report.value)
        entries = [records.reported(action, report), *records.exhibited(action, report), *parked]
        verdict = judge_outcome(report.status, report.value)
        guards = [*settle, *settle_cost(action, report), *remember]
        try:
            written = await self._end(action, entries, guards, verdict)
        except UnavailableError as error:
            if type(error) is not UnavailableError:  # a lease that is lost says itself who goes on
                raise
            raise NotRecordedError(
                f"{action.request.tool} was sent, and what came of it could not be recorded: {error.what}",
                where=action.key,
                hint=error.hint,
            ) from error
        if report.status == "unknown":
            return Unknown(written[0].id, "the delegate cannot tell whether it was done")
        return records.done_by(written[0], report.private)

    async def conclude(
        self, action: Action, *, status: str, value: Json, verdict: Verdict = "void", unreached: bool = False
    ) -> Result:
        """Record an end that no report tells. `unreached` says that the delegate could not be reached."""
        settle = [SettleBudget(action.budget, action.key, Spend(turns=1))] if action.budget else []
        told = self._on.redactor.redact_json(value)
        entry = records.concluded(action, status=status, value=told, unreached=unreached)
        back = [GiveRoomBack(action.key)] if status == "failed" else []
        parked, remember = await self._remember(action, status=status, value=value)
        written = await self._end(action, [entry, *parked], [*settle, *remember, *back], verdict)
        return await self.replay(written[0])

    async def abandon(self, decided: Record | None, intent: Record) -> None:
        """Record that nobody can tell what became of an action whose process is gone."""
        request = as_mapping(decided.body["request"]) if decided else {}
        value = "it was begun by a process that is gone, and nobody can tell whether it was done"
        entry = records.abandoned(intent, principal=str(request.get("principal", "")), value=value)
        entries, guards = [entry], []
        tool, now = str(intent.body["tool"]), self._on.clock.now()
        manifest = self._on.manifests.get(tool)
        if is_counted(manifest) and decided is not None:
            guards += record_deed(decided, tool=tool, value=value, at=now)
        guards += end_attempt(tool, intent.subject, "unknown")
        if is_counted(manifest) or (manifest is None and is_external(tool)):
            told, park = self._park(tool, decided, intent.execution, intent.subject, value)
            entries.append(told)
            guards.append(park)
        await self._on.journal.append(entries, guards)

    async def replay(self, record: Record) -> Result:
        """Return the result that an outcome records."""
        if record.body["status"] == "unknown":
            return Unknown(record.id, str(record.body["value"]))
        private = await self._on.journal.reveal(record, "private") if "private" in record.raw else b""
        return replace(records.done_by(record, private), known=True)

    async def _end(
        self, action: Action, entries: Sequence[Entry], guards: Sequence[Guard], verdict: Verdict
    ) -> list[Record]:
        """Record an outcome, and tell the breakers; an opening is recorded after it."""
        limits, manifest = self._on.facts.limits, self._on.manifests.get(action.request.tool)
        left = await limits.leave(self._on.journal, action, manifest, verdict, now=self._on.clock.now())
        written = await self._on.journal.append(entries, [*guards, *left])
        if left and verdict == "failed":
            await limits.record_openings(self._on.journal)
        return written

    async def _remember(self, action: Action, *, status: str, value: Json) -> tuple[list[Entry], list[Guard]]:
        """Return what changes with the outcome: its attempt, its target's history, or the room that it took and did not need;
        and the work that it leaves to a person."""
        tool = action.request.tool
        ended, manifest = end_attempt(tool, action.key, status), self._on.manifests.get(tool)
        if manifest is None or not is_counted(manifest):
            return [], ended  # it was carried out, however it ended
        ended += end_obligations(manifest, action.request.arguments, key=action.key, status=status)
        if status == "failed":
            return [], [*ended, GiveRoomBack(action.key)]
        decided = await self._on.journal.last(action.execution, action.key, (Kind.DECIDED,))
        now = self._on.clock.now()
        deed = record_deed(decided, tool=action.request.tool, value=value, at=now) if decided else []
        if status != "unknown":
            return [], [*ended, *deed]
        told = self._on.redactor.redact_json(value)
        entry, park = self._park(tool, decided, action.execution, action.key, told)
        return [entry], [*ended, *deed, park]

    def _park(
        self, tool: str, decided: Record | None, stream: str, key: str, value: Json
    ) -> tuple[Entry, ParkWork]:
        manifest, now = self._on.manifests.get(tool), self._on.clock.now()
        return leave_unknown(tool, manifest, decided, stream=stream, key=key, value=value, at=now)
