"""What is told of a case: to people, to systems and to agents, the same document.

id, object, type, version, owner, state, since, final, revision, opened_by, opened_at
due_at, overdue, parked          by when it has to leave its state, whether that is over, whether work is parked in it
holds, exceptions, decisions     what is open, and what was decided, by whom and why
next                             where it can go from here, who may move it there, and on which decisions
may                              what its state covers: purposes, tools, effects, and what becomes of everything else
pending                          the approvals that wait, in it and in its sessions
conversation                     what was said with people outside: who said it, as whoever noted it has it
history                          what became of it, the newest last
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock
from bridle.core.errors import TrustError
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.gate.history import Cases as SessionsOfCases
from bridle.operating.cases.case import Case
from bridle.operating.cases.case_type import CaseType
from bridle.trust.journal import Journal, Kind, Record

MOST_EVENTS = 200
SAID = "said"  # what was written as it was, in the working store
WAITING = (ApprovalState.OPEN, ApprovalState.APPROVED)
EVENTS = (Kind.CASE_OPENED, Kind.CASE_CHANGED)


@dataclass(kw_only=True)
class Teller:
    """Tells a case whole. `sessions` says which sessions work on it."""

    journal: Journal
    approvals: Approvals
    sessions: SessionsOfCases
    clock: Clock

    async def tell(self, case: Case, case_type: CaseType) -> dict[str, Json]:
        """Return the document above."""
        records = await self.journal.read(execution=case.id, kinds=EVENTS)
        rule = case_type.states[case.state]
        said = [record for record in records if _said_by(record)]
        return {
            **summarise(case, self.clock.now()),
            "next": [
                {
                    "to": way.target,
                    "by": list(way.by),
                    "if": dict(way.conditions),
                    "approval": way.approval is not None,
                }
                for way in case_type.transitions
                if way.source == case.state
            ],
            "may": {
                "purposes": list(rule.purposes),
                "tools": list(rule.tools),
                "effects": list(rule.effects),
                "otherwise": rule.otherwise,
            },
            "pending": [_describe(approval) for approval in await self._pending(case)],
            "conversation": [_tell_line(record, await self._said(record)) for record in said[-MOST_EVENTS:]],
            "history": [
                _tell_event(record, await self._said(record))
                for record in records[-MOST_EVENTS:]
                if record not in said
            ],
        }

    async def _said(self, record: Record) -> Mapping[str, Json]:
        """Return what was written, as it was while the working store has it; later as the journal keeps it."""
        if SAID in record.raw:
            with suppress(TrustError):
                return as_mapping(json.loads(await self.journal.reveal(record, SAID)))
        return _said(record)

    async def _pending(self, case: Case) -> list[Approval]:
        streams = [case.id, *(await self.sessions.of_case(case.id))]
        found = [
            one for stream in streams for one in await self.approvals.find(execution=stream, states=WAITING)
        ]
        now = self.clock.now()
        return [approval for approval in found if approval.state_at(now) in WAITING]


def summarise(case: Case, now: datetime) -> dict[str, Json]:
    """Return what the case says of itself."""
    content = case.to_json()
    content.pop("escalated")
    return {
        **content,
        "due_at": case.due_at or None,
        "overdue": case.is_overdue(now),
        "parked": case.parked,
    }


def _tell_line(record: Record, said: Mapping[str, Json]) -> dict[str, Json]:
    told = {"said_by": said.get("said_by", ""), "text": said.get("text", "")}
    return {"at": record.at, "noted_by": record.body["by"], **told}


def _tell_event(record: Record, said: Mapping[str, Json]) -> dict[str, Json]:
    body = record.body
    return {
        "at": record.at,
        "what": body["what"],
        "by": body["by"],
        "state": as_mapping(body["case"])["state"],
        "said": said,
    }


def _said(record: Record) -> Mapping[str, Json]:
    return as_mapping(record.body["said"])


def _said_by(record: Record) -> str:
    return str(_said(record).get("said_by", ""))


def _describe(approval: Approval) -> dict[str, Json]:
    return {
        "id": approval.id,
        "tool": approval.tool,
        "state": str(approval.state),
        "message": approval.message,
        "given": list(approval.given),
        "missing": approval.missing,
    }


def list_names(marks: Sequence[Json]) -> str:
    """Return the ids of marks in one line."""
    return " ".join(str(as_mapping(mark)["id"]) for mark in marks)
