"""The sweeper of tokens: what has expired, or is left of an execution or a session that is over, is deleted, with a record.

Tokens are deleted where their step ends, and refused once they have expired; this is the third way, which needs neither: a
process that died, or a deletion that was forgotten, leaves nothing behind for long.
"""

from __future__ import annotations

from bridle.core.clock import Clock
from bridle.trust.journal import Entry, Journal, Kind
from bridle.trust.tokens import SweepTokens, Tokens

SWEEPER = "sweeper"
AT_ONCE = 500  # ids in one statement: SQLite and PostgreSQL both take as many


async def sweep_tokens(journal: Journal, tokens: Tokens, clock: Clock) -> list[str]:
    """Delete the tokens that are over; return their ids."""
    over = await tokens.over(clock.now())
    for start in range(0, len(over), AT_ONCE):
        ids = over[start : start + AT_ONCE]
        entry = Entry(Kind.TOKEN_DELETED, "", SWEEPER, {"tokens": list(ids)})
        await journal.append([entry], [SweepTokens(tuple(ids))])
    return over
