"""Retention: what of an ended execution, session or case is removed when it is old enough, and what never is.

Rules
  1. Removed are the durable engine's rows (control flow that nobody can go on with), the raw values of the working store with
     their key, and what approvers were shown. They were needed to carry the execution and to decide, and it has ended.
  2. Kept are the journal, its checkpoints, the execution, principals, keys, approvals and evidence: audit, `explain`, `logs` and
     `evidence verify` read nothing else. The salted digests of what was destroyed stay in the journal.
  3. Only what has ended, and whose end the engine has heard of, is touched; age is counted from the end.
  4. The same goes for sessions, by when their tokens ended, and for cases that are final, from their last change on. A session
     of a case that is open is part of its history, which later calls are judged on: it is kept until the case is final. So is
     whatever somebody has still to settle: to undo it takes what was asked for.
  5. The destruction is a record with who asked for it, in one transaction with the destruction itself. The engine's rows go
     first: a process that dies in between leaves something to do again, never something unrecorded.
  6. What was done to targets is forgotten once it is as old, and out of the window in which it counts as a repetition: an index
     of the journal, which keeps the records themselves.

Workspaces and snapshots are the delegate's and are not removed here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bridle.core.clock import Clock
from bridle.core.errors import InputError
from bridle.gate.loops import LIMITS, LONGEST_SESSION, ForgetDeeds
from bridle.trust.journal import Entry, Guard, Journal, Kind

PARTS = ("engine-history", "raw-values", "shown-to-approvers")
AT_ONCE = 100  # so that nobody else waits long for the store
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

log = logging.getLogger("bridle.retention")


@dataclass(frozen=True)
class DestroyValues:
    """Guard: destroy the raw values of an execution and the key that opens them."""

    execution: str
    guards = "raw values of {0.execution}"


@dataclass(frozen=True)
class ForgetShown:
    """Guard: empty what approvers were shown in an execution, session or case. Their verdicts are in the journal."""

    stream: str
    guards = "what was shown in {0.stream}"


class History(Protocol):
    """Finds what may be removed."""

    async def removable(self, *, ended_before: datetime, after: str, limit: int) -> list[str]:
        """Return executions, sessions and cases that ended before and of which nothing was removed yet, by id, behind `after`."""
        ...

    async def scrub(self) -> None:
        """Have the store's files forget what was deleted, as far as the store can do that at once."""
        ...


class EngineHistory(Protocol):
    """The durable engine's memory of ended workflows."""

    async def forget(self, executions: Sequence[str]) -> list[str]:
        """Forget workflows with their branches, and return those that are forgotten; what it still carries is not."""
        ...


@dataclass(kw_only=True)
class Retention:
    """Removes history by rule."""

    journal: Journal
    history: History
    engine: EngineHistory
    clock: Clock
    loop_window: timedelta = LIMITS.within

    async def remove(self, *, older_than: timedelta, by: str) -> list[str]:
        """Remove what is older than that and return the executions concerned."""
        removed: list[str] = []
        after = ""
        while found := await self._find(older_than, after):
            forgotten = await self.engine.forget(found)
            for execution in forgotten:
                await self._destroy(execution, by)
                log.info("removed the history of %s", execution)
            removed += forgotten
            after = found[-1]
        if removed:
            await self.history.scrub()
        before = self.clock.now() - max(older_than, self.loop_window, LONGEST_SESSION)
        await self.journal.append([], [ForgetDeeds(before)])
        return removed

    async def _find(self, older_than: timedelta, after: str) -> list[str]:
        before = self.clock.now() - older_than
        return await self.history.removable(ended_before=before, after=after, limit=AT_ONCE)

    async def _destroy(self, execution: str, by: str) -> None:
        guards: list[Guard] = [ForgetShown(execution), DestroyValues(execution)]
        body = {"by": by, "removed": list(PARTS)}
        await self.journal.append([Entry(Kind.HISTORY_REMOVED, execution, execution, body)], guards)


async def find_removable(history: History, *, older_than: timedelta, clock: Clock) -> list[str]:
    """Return what `Retention.remove` would look at, and remove nothing."""
    found: list[str] = []
    while more := await history.removable(
        ended_before=clock.now() - older_than, after=found[-1] if found else "", limit=AT_ONCE
    ):
        found += more
    return found


def parse_age(text: str, *, where: str) -> timedelta:
    """Return the age that `30d` or `12h` stands for; raise InputError that names where it was given."""
    match = re.fullmatch(r"(\d{1,5})([smhdw])", text, re.ASCII)
    if match is None:
        raise InputError(
            f"{text!r} is not an age", where=where, hint="write 30d, 12h or 8w", reason="bad-age"
        )
    return timedelta(**{UNITS[match[2]]: int(match[1])})
