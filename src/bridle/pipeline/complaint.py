"""Complaints about a pipeline file: every one has a place, a reason that programs can compare, and a next step.

Rules
  1. All faults of a file are collected and reported at once, in the order of the file.
  2. After `MOST_COMPLAINTS` reading stops, and the last one says so: a file of faults must not cost minutes.
  3. A note is not a fault: it goes into the plan and stops nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from bridle.core.errors import InputError

if TYPE_CHECKING:
    from bridle.pipeline.plan import Plan

MOST_COMPLAINTS = 100
MOST_CANDIDATES = 1_000  # comparing spellings is slow, and a pipeline may have thousands of steps


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; line and column count from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One fault: `reason` is kebab-case and stable, `hint` an instruction."""

    place: Place
    what: str
    reason: str
    hint: str

    def __str__(self) -> str:
        advice = f"\n  next: {self.hint}" if self.hint else ""
        return f"{self.place}: {self.what} [{self.reason}]{advice}"


class PipelineError(InputError):
    """The file can't be run; `complaints` holds every fault, the first one gives the error its place and reason.

    `partial` is the plan of what could be read, to look for more faults in and for nothing else.
    """

    default_reason = "bad-pipeline"

    def __init__(self, complaints: Iterable[Complaint], *, partial: Plan | None = None) -> None:
        self.complaints = tuple(complaints)
        self.partial = partial
        first = self.complaints[0]
        super().__init__(first.what, where=str(first.place), hint=first.hint, reason=first.reason)

    def __str__(self) -> str:
        return "\n".join(str(complaint) for complaint in self.complaints)

    def to_problem(self) -> dict[str, object]:
        """Return the problem document with all complaints in it."""
        listed = [
            {"instance": str(item.place), "detail": item.what, "reason": item.reason, "next": item.hint}
            for item in self.complaints
        ]
        return {**super().to_problem(), "complaints": listed}


@dataclass
class Findings:
    """What was found while one file was read: complaints that stop it, notes that don't."""

    complaints: list[Complaint] = field(default_factory=list)
    notes: list[tuple[Place, str]] = field(default_factory=list)

    def refuse(self, place: Place, what: str, *, reason: str, hint: str) -> None:
        """Record a fault; raise PipelineError when there are too many to go on."""
        self.complaints.append(Complaint(place, what, reason, hint))
        if len(self.complaints) >= MOST_COMPLAINTS:
            end = Complaint(
                place, "too many complaints: reading stopped", "too-many-complaints", "mend these first"
            )
            raise PipelineError([*sorted(self.complaints, key=lambda complaint: complaint.place), end])

    def refuse_later(self, place: Place, name: str, *, hint: str = "") -> None:
        """Record the use of something the dialect has and Bridle reads, but does not execute yet."""
        advice = hint or f"leave {name!r} out; this version of Bridle does not execute it"
        self.refuse(place, f"{name!r} is not executed yet", reason=f"not-executed-yet:{name}", hint=advice)

    def note(self, place: Place, text: str) -> None:
        """Record something the reader of the plan should know."""
        self.notes.append((place, text))

    def raise_if_any(self, *, partial: Plan | None = None) -> None:
        """Raise PipelineError with all complaints, when there are any."""
        if self.complaints:
            listed = sorted(self.complaints, key=lambda complaint: complaint.place)
            raise PipelineError(listed, partial=partial)

    def list_notes(self) -> tuple[str, ...]:
        """Return the notes in the order of the file."""
        return tuple(f"{place}: {text}" for place, text in sorted(self.notes))


def suggest(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return "did you mean …" with the nearest of `known`, or `otherwise` when nothing is near."""
    near = find_nearest(word, known)
    return f"did you mean {near!r}?" if near else otherwise


def find_nearest(word: str, known: Iterable[str]) -> str:
    """Return which of `known` is meant by a misspelt word, empty when nothing is near."""
    candidates = sorted(islice(known, MOST_CANDIDATES))
    return "".join(difflib.get_close_matches(word[:64], candidates, n=1, cutoff=0.55))
