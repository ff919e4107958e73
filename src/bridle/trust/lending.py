"""Lends a token for a block: it is stored before it, and deleted after it, whatever becomes of the block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridle.trust.journal import Entry, Journal, Kind
from bridle.trust.tokens import DeleteTokens, Minted, MintToken, describe_token


@asynccontextmanager
async def lend(journal: Journal, minted: Minted) -> AsyncIterator[str]:
    """Yield the token's secret; raise Killed when nobody may be given one any more."""
    token = minted.token
    made = Entry(Kind.TOKEN_MINTED, token.execution, token.id, describe_token(minted))
    await journal.append([made], [MintToken(token)])
    try:
        yield minted.secret
    finally:
        ended = Entry(Kind.TOKEN_DELETED, token.execution, token.id, {"step": token.step})
        await journal.append([ended], [DeleteTokens(token.execution, token.step)])
