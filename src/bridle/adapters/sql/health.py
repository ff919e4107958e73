"""What can be asked of a store besides what it keeps: its schema's revision, the journal's size, its own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.database import Database
from bridle.adapters.sql.schema import NEWEST, journal_head


@dataclass(frozen=True)
class Health:
    """`revision` is the schema's, `newest_revision` that of this version of the code. `head` is the hash of the
    journal's last record as the head's row has it, `now` the store's time in UTC (SQLite: this machine's, in seconds)."""

    revision: str
    newest_revision: str
    records: int
    head: str
    now: datetime


async def read_health(database: Database) -> Health:
    """Ask the store; raise UnavailableError when it does not answer."""
    return await database.read(_read)


def _read(connection: Connection) -> Health:
    head = connection.execute(sa.select(journal_head)).one()
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    now = connection.execute(sa.text("SELECT CURRENT_TIMESTAMP")).scalar_one()
    return Health(str(revision), NEWEST, int(head.size), str(head.hash), _utc(now))


def _utc(moment: object) -> datetime:
    """SQLite answers with text in UTC, PostgreSQL with a moment that knows its zone."""
    found = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
