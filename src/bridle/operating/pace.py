"""What keeps the door from being flooded: how often a session calls, and how often a refused token is written down.

Rules
  1. A session makes at most CALLS_A_MINUTE calls; those above are answered, and neither decided nor recorded.
  2. Of a session's tokens at most EXCHANGES_A_MINUTE others are made (trust.exchange).
  3. A token that is refused is recorded, at most once a minute for a reason and a session, with how often it happened: nobody who
     has no token can fill the journal.

Both count in this process alone, which is the only one that serves a session.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import datetime, timedelta

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.operating.session import STEP
from bridle.trust.journal import Entry, Journal, Kind

CALLS_A_MINUTE = 1200  # a busy agent makes a tenth of it
EXCHANGES_A_MINUTE = 60
MINUTE_S = 60.0
MOST_PACED = 10_000  # sessions that are counted at a time
REFUSALS_EVERY = timedelta(minutes=1)


class Pace:
    """Counts calls of a session, so that none fills a disk: as many a minute as a busy agent makes, and no more."""

    def __init__(self, most: int | None = None) -> None:
        self._most = CALLS_A_MINUTE if most is None else most
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admits(self, session: str) -> bool:
        """Count one call; False when the minute is full."""
        now_s = time.monotonic()
        since, count = self._counted.get(session, (now_s, 0))
        if now_s - since >= MINUTE_S:
            since, count = now_s, 0
        self._counted[session] = (since, count + 1)
        self._counted.move_to_end(session)
        while len(self._counted) > MOST_PACED:
            self._counted.popitem(last=False)
        return count < self._most


class Refusals:
    """Records tokens that were refused."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted: dict[tuple[str, str], tuple[datetime, int]] = {}

    async def note(self, refused: TrustError, now: datetime) -> None:
        """Count a refusal, and record it unless one like it was recorded a moment ago."""
        like = (refused.where, refused.reason)
        at, unrecorded = self._noted.get(like, (None, 0))
        if at is not None and now - at < REFUSALS_EVERY:
            self._noted[like] = (at, unrecorded + 1)
            return
        self._noted[like] = (now, 0)
        body: dict[str, Json] = {"reason": refused.reason, "times": unrecorded + 1}
        await self._journal.append([Entry(Kind.TOKEN_REFUSED, refused.where, refused.where or STEP, body)])
