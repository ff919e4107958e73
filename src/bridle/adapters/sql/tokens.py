"""Tokens on SQL. The store keeps the digest of a token's secret, never the secret."""

from __future__ import annotations

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.kills import refuse_killed
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows, read_id, reads, to_columns
from bridle.adapters.sql.schema import executions, sessions, tokens
from bridle.core.clock import from_iso, iso
from bridle.trust.tokens import Claims, DeleteTokens, MintToken, SweepTokens, Token, Tokens

FIND = Prepared(tokens.select().where(tokens.c.sha256 == sa.bindparam("sha256")))
INSERT = Prepared(tokens.insert(), *tokens.c.keys())
OF_EXECUTION = tokens.delete().where(tokens.c.execution == sa.bindparam("of_execution"))
DELETE_ALL = Prepared(OF_EXECUTION)
DELETE = Prepared(OF_EXECUTION.where(tokens.c.step == sa.bindparam("of_step")))


def _read_scope(text: str) -> frozenset[str]:
    return frozenset(json.loads(text))


def _read_claims(text: str) -> Claims:
    return Claims.from_json(json.loads(text))


_read = reads(Token, scope=_read_scope, expires_at=from_iso, claims=_read_claims)


class SqlTokens(Rows, Tokens):
    """Implements `trust.tokens.Tokens`."""

    async def find(self, sha256: str) -> Token | None:
        return await self._find(FIND, {"sha256": sha256}, _read)

    async def over(self, now: datetime) -> list[str]:
        ended = sa.select(executions.c.id).where(executions.c.ended_at.is_not(None))
        closed = sa.select(sessions.c.id).where(sessions.c.state == "closed")
        query = sa.select(tokens.c.id).where(
            sa.or_(
                tokens.c.expires_at <= iso(now),
                tokens.c.execution.in_(ended),
                tokens.c.execution.in_(closed),
            )
        )
        return sorted(await self._list(query, read_id))


@apply_guard.register
def _(guard: SweepTokens, connection: Connection) -> None:
    connection.execute(tokens.delete().where(tokens.c.id.in_(guard.ids)))


@apply_guard.register
def _(guard: MintToken, connection: Connection) -> None:
    token = guard.token
    refuse_killed(connection, execution=token.execution, actors={token.principal, *token.claims.actors})
    change_one(guard, connection, INSERT, to_columns(token))


@apply_guard.register
def _(guard: DeleteTokens, connection: Connection) -> None:
    named = {"of_execution": guard.execution, "of_step": guard.step}
    (DELETE if guard.step else DELETE_ALL).change(connection, named)
