"""What was done is counted against limits of every kind; what tools paid out is one of them, and is taken over."""

import sqlalchemy as sa
from alembic import op

from bridle.adapters.sql.schema import limit_uses

revision = "0014_limits"
down_revision = "0013_spending"

PAID = sa.table("spending", *(sa.column(name) for name in ("key", "tool", "session", "amount", "at")))


def upgrade() -> None:
    connection = op.get_bind()
    limit_uses.create(connection, checkfirst=True)
    if not sa.inspect(connection).has_table("spending"):
        return
    for row in connection.execute(sa.select(PAID)):
        kept = {"key": row.key, "target": "", "amount": row.amount, "at": row.at}
        for limit, group in ((f"{row.tool} session", row.session), (f"{row.tool} day", "")):
            connection.execute(limit_uses.insert().values(limit=limit, group=group, **kept))
    op.drop_table("spending")
