"""What tools paid out, on SQL. Amounts are in ten-thousandths; the journal's head is locked while they are counted."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql.guards import apply_guard, change_one
from bridle.adapters.sql.schema import spending
from bridle.core.clock import iso
from bridle.gate.spending import DAY, ReleaseSpend, ReserveSpend, SpendExceeded

UNIT = Decimal("0.0001")


@apply_guard.register
def _(guard: ReserveSpend, connection: Connection) -> None:
    rule = guard.rule
    mine = spending.c.tool == guard.tool
    for name, limit, which in (
        ("session", rule.per_session, spending.c.session == guard.session),
        ("day", rule.per_day, spending.c.at > iso(guard.now - DAY)),
    ):
        if limit is None:
            continue
        query = sa.select(sa.func.coalesce(sa.func.sum(spending.c.amount), 0)).where(mine, which)
        spent = Decimal(int(connection.execute(query).scalar_one())) * UNIT
        if spent + guard.amount > limit:
            raise SpendExceeded(
                f"{guard.tool} may spend {limit} a {name}, and {spent.normalize():f} is spent"
            )
    row = {
        "key": guard.key,
        "tool": guard.tool,
        "session": guard.session,
        "amount": int(guard.amount / UNIT),
        "at": iso(guard.now),
    }
    change_one(guard, connection, spending.insert().values(row))


@apply_guard.register
def _(guard: ReleaseSpend, connection: Connection) -> None:
    connection.execute(spending.delete().where(spending.c.key == guard.key))
