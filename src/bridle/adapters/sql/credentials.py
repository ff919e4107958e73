"""Keys on SQL. The store keeps the digest of a key, never the key."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.rows import Rows, reads, to_columns
from bridle.adapters.sql.schema import credentials
from bridle.core.clock import from_iso, iso
from bridle.trust.credentials import Credential, Credentials, RevokeCredential, StoreCredential

FIND = Prepared(credentials.select().where(credentials.c.sha256 == sa.bindparam("sha256")))
GET = Prepared(credentials.select().where(credentials.c.id == sa.bindparam("credential")))
_read = reads(Credential, made_at=from_iso, expires_at=from_iso, revoked_at=from_iso, used_at=from_iso)


class SqlCredentials(Rows, Credentials):
    """Implements `trust.credentials.Credentials`."""

    async def find(self, sha256: str) -> Credential | None:
        return await self._find(FIND, {"sha256": sha256}, _read)

    async def get(self, credential_id: str) -> Credential | None:
        return await self._find(GET, {"credential": credential_id}, _read)

    async def of(self, principal: str) -> list[Credential]:
        query = (
            credentials.select().where(credentials.c.principal == principal).order_by(credentials.c.made_at)
        )
        return await self._list(query, _read)

    async def all(self) -> list[Credential]:
        """Return every key, by id."""
        query = credentials.select().order_by(credentials.c.id)
        return await self._list(query, _read)

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
