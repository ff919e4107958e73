"""The sweeper of tokens: what has expired, or is left of an execution or a session that is over, is deleted, with a record.

Tokens are deleted where their step ends, and refused once they have expired; this is the third way, which needs neither: a
process that died, or a deletion that was forgotten, leaves nothing behind for long.
"""

from __future__ import annotations

import asyncio
import logging

from bridle.core.clock import Clock
from bridle.trust.journal import Entry, Journal, Kind
from bridle.trust.tokens import SweepTokens, Tokens

SWEEPER = "sweeper"
EVERY_S = 60.0
AT_ONCE = 500  # ids in one statement: SQLite and PostgreSQL both take as many
log = logging.getLogger(__name__)


async def sweep_tokens(journal: Journal, tokens: Tokens, clock: Clock) -> list[str]:
    """Delete the tokens that are over; return their ids."""
    over = await tokens.over(clock.now())
    for start in range(0, len(over), AT_ONCE):
        ids = over[start : start + AT_ONCE]
        entry = Entry(Kind.TOKEN_DELETED, "", SWEEPER, {"tokens": list(ids)})
        await journal.append([entry], [SweepTokens(tuple(ids))])
    return over


async def keep_sweeping(journal: Journal, tokens: Tokens, clock: Clock, *, every_s: float = EVERY_S) -> None:
    """Sweep again and again, until this task is cancelled."""
    while True:
        try:
            await sweep_tokens(journal, tokens, clock)
        except Exception:  # a sweep that fails must not end the sweeping: it is logged, and tried again
            log.exception("the tokens could not be swept")
        await asyncio.sleep(every_s)
