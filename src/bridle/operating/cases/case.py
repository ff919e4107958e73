"""A case: where a business process stands, tied to a business object, for all who work on it.

Rules
  1. A case is a stream of the journal. Each record holds the case whole as it is from then on; the newest one is the truth, and
     the store's row is what guards and lists look at.
  2. `revision` counts what governs: moves, holds, exceptions, decisions. A note, and what is said, leave it as it is.
  3. A state's due date begins when the case comes to it. An agent that brings the case back finds the due date that it left, told
     or not: nothing that agents do among themselves makes one later. A move by a person or a system begins all of them anew.
  4. It keeps the type that it was opened with: the first record has it whole, and the case names its digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.operating.cases.case_type import CaseType

PARKED = "parked"
OVERDUE = "overdue"
PREFIX = "cas_"


@dataclass(frozen=True)
class Mark:
    """A hold, or an exception, that is open. `at` is as the journal writes it; `about` is what it is about, or empty."""

    id: str
    kind: str
    reason: str
    by: str
    at: str
    about: str = ""


@dataclass(frozen=True)
class Case:
    """One case. `since` is when it came to its state, `due_at` by when it has to leave it, or empty, both as the journal writes
    moments; `escalated` says that this was told. `left` has both for each state that it left since a person or a system moved it.
    `parked` is a word of the exceptions."""

    id: str
    object: str
    type: str
    version: str
    type_digest: str
    owner: str
    state: str
    since: str
    opened_by: str
    opened_at: str
    revision: int = 1
    final: bool = False
    due_at: str = ""
    escalated: bool = False
    left: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    holds: tuple[Mark, ...] = ()
    exceptions: tuple[Mark, ...] = ()
    decisions: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def parked(self) -> bool:
        return any(mark.kind == PARKED for mark in self.exceptions)

    def is_overdue(self, now: datetime) -> bool:
        return self.due_at != "" and not self.final and iso(now) >= self.due_at

    def value_of(self, decision: str) -> str:
        """Return what was decided, or an empty string."""
        taken = self.decisions.get(decision)
        return str(taken["value"]) if taken else ""

    def to_json(self) -> dict[str, Json]:
        content = asdict(self)
        marks = {name: [asdict(mark) for mark in getattr(self, name)] for name in ("holds", "exceptions")}
        return {
            **content,
            **marks,
            "decisions": {name: dict(taken) for name, taken in self.decisions.items()},
            "left": {state: dict(due) for state, due in self.left.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Case:
        """Read what `to_json` wrote."""
        marks = {name: tuple(Mark(**mark) for mark in content[name]) for name in ("holds", "exceptions")}
        return cls(**{**content, **marks})


@dataclass(frozen=True)
class OpenCase:
    """Guard: store a new case; fails when there is one of its id, or an open one of its type for its object."""

    case: Case
    guards = "case {0.case.id}"


@dataclass(frozen=True)
class ChangeCase:
    """Guard: store what a case is from now on; fails unless it has the revision that was changed. What people were asked, and
    said, on that revision is void."""

    case: Case
    before: int
    guards = "case {0.case.id}"


class Cases(Protocol):
    """Finds cases. Changing them is a guard of the journal."""

    async def find(
        self, *, type: str = "", object: str = "", parked: bool = False, open_only: bool = True
    ) -> list[str]:
        """Return the ids of cases, the oldest first: of a type, for an object, parked ones alone, open ones alone."""
        ...

    async def due(self, now: datetime, *, untold: bool = False) -> list[str]:
        """Return the ids of open cases whose time is over, the longest first; with `untold` those of which nobody was told."""
        ...


def enter(case: Case, case_type: CaseType, state: str, now: datetime, *, by_agent: bool = False) -> Case:
    """Return the case in a state that it comes to now, brought by an agent or not."""
    rule = case_type.states[state]
    due = iso(now + timedelta(seconds=rule.due_s)) if rule.due_s is not None else ""
    leaving: Mapping[str, Json] = {"due_at": case.due_at, "escalated": case.escalated}
    left = {**case.left, case.state: leaving} if by_agent else {}
    found = left.get(state, {"due_at": due, "escalated": False})
    return replace(
        case,
        state=state,
        since=iso(now),
        due_at=str(found["due_at"]),
        escalated=found["escalated"] is True,
        left=left,
        final=rule.final,
        revision=case.revision + 1,
    )


def begin(case_id: str, case_type: CaseType, *, object: str, by: str, now: datetime) -> Case:
    """Return a case that is opened now, in its type's initial state."""
    at = iso(now)
    seed = Case(
        id=case_id,
        object=object,
        type=case_type.name,
        version=case_type.version,
        type_digest=case_type.digest,
        owner=case_type.owner,
        state=case_type.initial,
        since=at,
        opened_by=by,
        opened_at=at,
        revision=0,
    )
    return enter(seed, case_type, case_type.initial, now)


def find_mark(marks: Sequence[Mark], mark_id: str) -> Mark | None:
    """Return the mark of an id, or None."""
    return next((mark for mark in marks if mark.id == mark_id), None)
