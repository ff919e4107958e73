"""Writings on SQL: one row for each value that was written to a server by a stream, as a digest."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard
from bridle.adapters.sql.rows import Rows
from bridle.adapters.sql.schema import writings
from bridle.gate.origins.writings import NoteWriting, Writings

COLUMNS = writings.c
AT_ONCE = 500


class SqlWritings(Rows, Writings):
    """Implements `gate.origins.writings.Writings`."""

    async def find(self, values: Sequence[str], *, beside: str) -> set[tuple[str, str]]:
        def look(connection: Connection) -> set[tuple[str, str]]:
            found: set[tuple[str, str]] = set()
            for start in range(0, len(values), AT_ONCE):
                query = sa.select(COLUMNS.server, COLUMNS.value).where(COLUMNS.stream != beside)
                query = query.where(COLUMNS.value.in_(values[start : start + AT_ONCE])).distinct()
                found |= {(str(row.server), str(row.value)) for row in connection.execute(query)}
            return found

        return await self._database.read(look)


@apply_guard.register
def _(guard: NoteWriting, connection: Connection) -> None:
    mine = COLUMNS.stream == guard.stream, COLUMNS.server == guard.server
    known = {row.value for row in connection.execute(sa.select(COLUMNS.value).where(*mine))}
    new = [
        {"value": value, "server": guard.server, "stream": guard.stream}
        for value in sorted(guard.values - known)
    ]
    if new:
        connection.execute(writings.insert(), new)
