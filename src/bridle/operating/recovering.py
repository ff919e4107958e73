"""Recovering: what processes left behind that nobody comes back for, found by whichever looks first, also after a restart.

Rules
  1. What one call made due of another and nobody has done in time becomes an item of work, partial, once (gate.obligations).
  2. What a session began, and its process is gone and it is over, or nobody has come back to it for a while, is settled as if it
     were taken over without its token: nobody can tell, so a person looks. What an execution began is its own to recover.
  3. An item of work that belongs to a case parks that case too, as long as it is open (gate.parking).
  4. A process that does not know the tool leaves it to one that does: it could not say what a person may answer.

Servers look every minute, and every process that acts looks when it opens.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bridle.core.canonical import as_mapping
from bridle.core.clock import Clock
from bridle.gate.attempts import Attempt, Attempts
from bridle.gate.gate import Gate
from bridle.gate.leaving import leave_partial
from bridle.gate.manifest import Manifests
from bridle.gate.obligations import Obligation, Obligations, TakeObligation
from bridle.gate.parking import Parked
from bridle.operating.cases.casework import Casework
from bridle.operating.session import Sessions, SessionState
from bridle.trust.journal import GuardError, Journal, Kind
from bridle.trust.work_items import Work

COMES_BACK = timedelta(
    minutes=15
)  # its own agent may ask the target, which says more than that nobody can tell
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Recovering:
    """Looks for what is overdue or abandoned, and leaves it to a person."""

    gate: Gate
    journal: Journal
    attempts: Attempts
    obligations: Obligations
    sessions: Sessions
    manifests: Manifests
    clock: Clock
    living: Callable[[], Awaitable[set[str]]]
    refresh: Callable[[], Awaitable[None]]
    work: Work
    casework: Casework

    async def sweep(self) -> list[str]:
        """Leave to a person what is overdue or abandoned; return the keys of those actions."""
        overdue = await self.obligations.overdue(self.clock.now())
        begun = await self.attempts.begun()
        left: list[str] = []
        if overdue or begun:
            await self.refresh()
            left = [owed.key for owed in overdue if await self._park(owed)]
            left += await self._settle_abandoned(begun)
        for key in left:
            log.info("%s is left to a person", key)
        await self._hold_cases()
        return left

    async def _park(self, owed: Obligation) -> bool:
        decided = await self.journal.last(owed.execution, owed.key, (Kind.DECIDED,))
        tool = str(as_mapping(decided.body["request"])["tool"]) if decided else ""
        if decided is None or self.manifests.get(tool) is None:
            return False
        entry, park = leave_partial(decided, owed, self.manifests, at=self.clock.now())
        try:
            await self.journal.append([entry], [TakeObligation(owed.key), park])
        except GuardError:
            return False  # it was fulfilled meanwhile, or another process was first
        return True

    async def _hold_cases(self) -> None:
        """Let no agent go on in a case of which work is open; what is parked there already is left as it is."""
        for item in await self.work.find():
            parked = await self.journal.last(item.stream, item.id, (Kind.WORK_PARKED,))
            case = str(parked.body["case"] or "") if parked else ""
            found = await self.casework.book.get(case) if case else None
            if parked is not None and found is not None and not found[0].final:
                await self.casework.parking.park(Parked(item.key, str(parked.body["reason"]), case))

    async def _settle_abandoned(self, begun: Sequence[Attempt]) -> list[str]:
        known = [attempt for attempt in begun if self.manifests.get(attempt.tool) is not None]
        now = self.clock.now()
        living, settled = await self.living(), []
        for stream, at in {attempt.execution: attempt.at for attempt in known}.items():
            session = await self.sessions.get(stream)
            if session is None or session.holder in living:
                continue
            over = session.state is not SessionState.OPEN or now >= session.expires_at
            if over or now >= at + COMES_BACK:
                try:
                    settled += await self.gate.give_up(stream)
                except GuardError:
                    continue  # somebody has taken it over, and settled it
        return settled
