"""Keys on SQL. The store keeps the digest of a key, never the key."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import reads, to_columns
from bridle.adapters.sql.schema import credentials
from bridle.core.clock import from_iso, iso
from bridle.trust.credentials import Credential, Credentials, RevokeCredential, StoreCredential

FIND = Prepared(credentials.select().where(credentials.c.sha256 == sa.bindparam("sha256")))
GET = Prepared(credentials.select().where(credentials.c.id == sa.bindparam("credential")))
_read = reads(Credential, made_at=from_iso, expires_at=from_iso, revoked_at=from_iso, used_at=from_iso)


class SqlCredentials(Credentials):
    """Implements `trust.credentials.Credentials`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, sha256: str) -> Credential | None:
        row = await self._database.find(FIND, {"sha256": sha256})
        return None if row is None else _read(row)

    async def get(self, credential_id: str) -> Credential | None:
        row = await self._database.find(GET, {"credential": credential_id})
        return None if row is None else _read(row)

    async def of(self, principal: str) -> list[Credential]:
        query = (
            credentials.select().where(credentials.c.principal == principal).order_by(credentials.c.made_at)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_read(row) for row in rows]

    async def all(self) -> list[Credential]:
        """Return every key, by id."""
        query = credentials.select().order_by(credentials.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_read(row) for row in rows]

    async def note_use(self, credential_id: str, at: datetime) -> None:
        update = credentials.update().where(credentials.c.id == credential_id).values(used_at=iso(at))
        await self._database.write(lambda connection: connection.execute(update))


@apply_guard.register
def _(guard: StoreCredential, connection: Connection) -> None:
    change_one(guard, connection, credentials.insert().values(to_columns(guard.credential)))


@apply_guard.register
def _(guard: RevokeCredential, connection: Connection) -> None:
    open_one = credentials.update().where(credentials.c.id == guard.id, credentials.c.revoked_at.is_(None))
    change_one(guard, connection, open_one.values(revoked_at=iso(guard.at)))
