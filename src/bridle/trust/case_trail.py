"""What the trail wants of cases: nothing becomes of one but by an action, and no change of it is missing in between.

A case is opened and changed by an action of a tool of cases that was intended and has not ended; each time at the next revision
or, for what leaves the case as it is, at the same. The effect is in the store itself, so the control plane reports of these
tools, and of no others.
"""

from __future__ import annotations

from typing import Protocol

from bridle.trust.bodies import broken, must, read_part, read_text
from bridle.trust.journal import Kind, Record
from bridle.trust.quorum import CONTROL_PLANE

TOOLS = "case."


class Course(Protocol):
    """How far an action has come."""

    action: str
    tool: str
    intended: bool
    ended: bool


class CaseTrail:
    """Follows the changes of cases in order."""

    def __init__(self) -> None:
        self._revisions: dict[str, int] = {}

    def follow(self, record: Record, course: Course | None) -> None:
        """Take a change in; `course` is the action that it names. Raise JournalError when that did not make it."""
        if course is None or not course.intended or course.ended or not course.tool.startswith(TOOLS):
            raise broken(record, "no action that was begun made it")
        must(record, course.action == read_text(record, "action"), "another action made it")
        revision = read_part(record, "case").get("revision")
        before = self._revisions.get(record.subject)
        steps = (1,) if before is None else (before, before + 1)
        is_new = (before is None) == (record.kind is Kind.CASE_OPENED)
        if not is_new or not isinstance(revision, int) or revision not in steps:
            raise broken(record, "a change before it is missing")
        self._revisions[record.subject] = revision


def is_own_report(tool: str, delegate: str) -> bool:
    """True for a report of the control plane's own, of a tool whose effect is inside."""
    return tool.startswith(TOOLS) and delegate == CONTROL_PLANE
