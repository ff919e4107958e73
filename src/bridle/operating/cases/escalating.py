"""Due dates of cases: what is overdue is said once, by whichever server looks first, also after a restart.

Rules
  1. A state's due date is a moment in the case's row, so nothing has to be alive while it runs down. Servers look every minute,
     and every process that acts looks when it opens.
  2. To escalate is an action of the control plane through the gate. Its key names the case and when it came to its state, and the
     change is guarded by the case's revision: of two servers one escalates, and none does so a second time.
  3. What comes of it is a record, an exception of the kind `overdue` on the case that names who has to see it, and a line of
     `bridle case list --due`. The case itself does not move: a person or a system decides what becomes of it.
"""

from __future__ import annotations

import logging

from bridle.core.clock import Clock
from bridle.gate.action import Done
from bridle.operating.cases.book import CaseBook
from bridle.operating.cases.case import Cases
from bridle.operating.cases.desk import CaseDesk
from bridle.trust.journal import GuardError

log = logging.getLogger(__name__)


class Escalation:
    """Looks for cases that are overdue, and says so."""

    def __init__(self, *, desk: CaseDesk, book: CaseBook, cases: Cases, clock: Clock) -> None:
        self._desk = desk
        self._book = book
        self._cases = cases
        self._clock = clock

    async def sweep(self) -> list[str]:
        """Escalate what is overdue and was not yet told; return the cases that this process escalated."""
        told = []
        for case in await self._cases.due(self._clock.now(), untold=True):
            if await self._escalate(case):
                log.info("%s is overdue", case)
                told.append(case)
        return told

    async def _escalate(self, case: str) -> bool:
        found = await self._book.get(case)
        if found is None:
            return False
        since, revision = found[0].since, found[0].revision
        try:
            # the revision is in the key: what was refused because the case changed meanwhile is looked at anew
            result = await self._desk.act(
                "case.escalate", {"case": case, "since": since}, once=f"due-{since}-{revision}"
            )
        except GuardError:  # another process escalates this very moment
            return False
        return isinstance(result, Done) and not result.known
