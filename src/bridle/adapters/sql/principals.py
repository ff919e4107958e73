"""Principals on SQL: every registered version stays; the newest row of an id is the principal."""

from __future__ import annotations

import json
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, refuse
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import principals
from bridle.core.canonical import canonical
from bridle.trust.principals import ANYWHERE, EVERYTHING, Place, Principal, Principals, RegisterPrincipal

NEWEST = Prepared(
    sa.select(principals.c.body)
    .where(principals.c.id == sa.bindparam("principal"))
    .order_by(principals.c.number.desc())
    .limit(1)
)


ALL = sa.select(principals.c.body).where(
    principals.c.number.in_(sa.select(sa.func.max(principals.c.number)).group_by(principals.c.id))
)


class SqlPrincipals(Rows, Principals):
    """Implements `trust.principals.Principals`, without roles: what a principal may do is what its row says, wherever."""

    async def get(self, principal_id: str, place: Place = ANYWHERE) -> Principal | None:
        row = await self._database.find(NEWEST, {"principal": principal_id})
        return None if row is None else _read(row.body)

    def boundary(self, place: Place) -> frozenset[str]:
        return EVERYTHING

    def organisations(self, place: Place) -> tuple[str, ...]:
        return ()

    async def all(self) -> list[Principal]:
        query = ALL.order_by(principals.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_read(row.body) for row in rows]


@lru_cache(maxsize=1024)
def _read(body: str) -> Principal:
    """A principal cannot be changed, and each action asks for several: the same text is read once."""
    return Principal.from_json(json.loads(body))


@apply_guard.register
def _(guard: RegisterPrincipal, connection: Connection) -> None:
    row = NEWEST.row(connection, {"principal": guard.principal.id})
    known = None if row is None else _read(row.body)
    if known != guard.replaces:
        raise refuse(guard)
    body = canonical(guard.principal.to_json()).decode()
    connection.execute(principals.insert().values(id=guard.principal.id, body=body))
