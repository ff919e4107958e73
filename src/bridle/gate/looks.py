"""Looks: what nobody could tell of a call is asked of its target again later, while the work that it left is open.

Rules
  1. Asked is what was agreed on when the call was decided (gate.lookups), and no other: its permit is signed anew, for a token of
     the control plane, which has to hold `server:lookup`.
  2. Looks are paced from when the work was left (PACE). Which were made is told by the journal, so a restart changes nothing;
     those that were missed are one. After the last one it is a person's alone.
  3. A value: it was done. Not known to the target once the look-up's `after` has passed: it was not done. All else says nothing.

What was said becomes a record (`work.looked`) with the delegate's signed report; `operating.looking` settles the work by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import BridleError, TrustError
from bridle.dispatch.protocol import Report
from bridle.gate import effects
from bridle.gate.lookups import agreed_in, may_still_arrive
from bridle.gate.permits import make_task, permit_again
from bridle.gate.ports import Ports
from bridle.gate.records import describe_report, read_action
from bridle.trust.journal import Record
from bridle.trust.quorum import CONTROL_PLANE

PERMISSION = "server:lookup"
PACE = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 4 * 60, 12 * 60, 24 * 60))


class Said(StrEnum):
    """What a target says of a call; the first two are answers that settle work (trust.work_items)."""

    DONE = "done"
    NOT_DONE = "not-done"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Look:
    """What came of one look. `why` is empty unless nothing was said."""

    said: Said
    report: Report | None = None
    why: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return what its record holds: an outcome of the call, as far as there is one."""
        report = self.report
        return {
            "answer": str(self.said),
            "why": self.why,
            "status": report.status if report else "",
            "value": report.value if report else None,
            "facts": dict(report.facts) if report else {},
            "report": describe_report(report) if report else None,
        }


def due_look(left_at: datetime, now: datetime) -> int:
    """Return the number of the newest look whose time has come; 0 before the first."""
    return sum(now >= left_at + wait for wait in PACE)


def next_look(left_at: datetime, made: int) -> datetime | None:
    """Return when the target is asked next, or None when it was for the last time."""
    return left_at + PACE[made] if made < len(PACE) else None


def can_look(intent: Record) -> bool:
    """True for a call whose target can be asked what became of it."""
    return agreed_in(intent) is not None


async def look_again(on: Ports, decided: Record, intent: Record, *, token: str) -> Look:
    """Ask the target of a call what became of it."""
    try:
        report = await _ask(on, decided, intent, token=token)
    except BridleError as error:
        return Look(Said.NOTHING, why=on.redactor.with_personal().redact(error.what))
    if report is not None:
        return Look(Said.DONE, report)
    if may_still_arrive(intent, on.clock.now()):
        return Look(Said.NOTHING, why="its target does not know it, and it may still arrive")
    return Look(Said.NOT_DONE)


async def _ask(on: Ports, decided: Record, intent: Record, *, token: str) -> Report | None:
    action = await read_action(decided, on.journal, token=token)
    asking = replace(action, request=replace(action.request, principal=CONTROL_PLANE))
    standing = await on.facts.standings.of(asking)
    if PERMISSION not in standing.scope or standing.token is None:
        raise TrustError("the control plane, or its delegate, may not ask", reason="may-not-ask")
    told = as_mapping(as_mapping(intent.body["permit"])["content"])["delegate"]
    if told != on.delegate.name:
        raise TrustError(f"{told} made the call, and {on.delegate.name} is here", reason="another-delegate")
    permit = await permit_again(on, action, intent, token=standing.token)
    report = await effects.look_up(on.delegate, make_task(action, permit), key=on.delegate_key)
    if report is not None and report.status != "succeeded":
        raise TrustError(f"the look-up ended {report.status}", reason="no-answer")
    return report
