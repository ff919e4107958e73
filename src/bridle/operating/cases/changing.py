"""What becomes of a case by an action that is allowed. Pure: the case before, the wish, and the case after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from bridle.core.clock import iso
from bridle.operating.cases.case import OVERDUE, Case, Mark, enter
from bridle.operating.cases.case_type import CaseType
from bridle.operating.cases.rules import Wish

NewId: TypeAlias = Callable[[str], str]


def change(case: Case, case_type: CaseType, wish: Wish, *, new_id: NewId) -> Case:
    """Return the case as it is after a wish that nothing forbids; one that changes nothing returns the same."""
    make = CHANGES.get(wish.tool)
    return make(case, case_type, wish, new_id) if make else case


def _move(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    return enter(case, case_type, wish.text("to"), wish.now, by_agent=wish.who.by_agent or wish.who.led)


def _decide(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    taken = {
        "value": wish.text("value"),
        "by": wish.who.id,
        "at": iso(wish.now),
        "reason": wish.text("reason"),
    }
    return _next(replace(case, decisions={**case.decisions, wish.text("decision"): taken}))


def _hold(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    return _next(replace(case, holds=(*case.holds, _mark(wish, new_id("hld"), "hold"))))


def _release(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    kept = tuple(mark for mark in case.holds if mark.id != wish.text("hold"))
    return _next(replace(case, holds=kept))


def _raise(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    mark = _mark(wish, new_id("exc"), wish.text("kind"))
    return _next(replace(case, exceptions=(*case.exceptions, mark)))


def _resolve(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    kept = tuple(mark for mark in case.exceptions if mark.id != wish.text("exception"))
    return _next(replace(case, exceptions=kept))


def _escalate(case: Case, case_type: CaseType, wish: Wish, new_id: NewId) -> Case:
    people = ", ".join(case_type.states[case.state].escalate)
    reason = f"It was to leave {case.state} by {case.due_at}. To be seen by: {people}"
    mark = Mark(new_id("exc"), OVERDUE, reason, wish.who.id, iso(wish.now), case.since)
    return _next(replace(case, exceptions=(*case.exceptions, mark), escalated=True))


def _mark(wish: Wish, mark_id: str, kind: str) -> Mark:
    return Mark(mark_id, kind, wish.text("reason"), wish.who.id, iso(wish.now), wish.text("about"))


def _next(case: Case) -> Case:
    return replace(case, revision=case.revision + 1)


CHANGES: Mapping[str, Callable[[Case, CaseType, Wish, NewId], Case]] = {
    "case.move": _move,
    "case.decide": _decide,
    "case.hold": _hold,
    "case.release": _release,
    "case.exception": _raise,
    "case.resolve": _resolve,
    "case.escalate": _escalate,
}
