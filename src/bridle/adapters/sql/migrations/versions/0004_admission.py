"""Executions stand in line, and a lease says whether its process serves others.

What was there before was admitted when it was recorded.
"""

import sqlalchemy as sa
from alembic import op

from bridle.adapters.sql.schema import executions, workers

revision = "0004_admission"
down_revision = "0003_interrupts"

ADDED = {
    "executions": (
        sa.Column("arrived", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("admitted", sa.BigInteger),
        sa.Column("waiter", sa.Text, nullable=False, server_default=""),
        sa.Column("ceiling", sa.BigInteger),
    ),
    "workers": (sa.Column("serves", sa.Boolean, nullable=False, server_default=sa.false()),),
}


def upgrade() -> None:
    connection = op.get_bind()
    for table, columns in ADDED.items():
        known = {column["name"] for column in sa.inspect(connection).get_columns(table)}
        for column in columns:
            if column.name not in known:  # a store made anew has it from the first revision
                op.add_column(table, column)
    connection.execute(executions.update().where(executions.c.admitted.is_(None)).values(admitted=0))
    for index in (*executions.indexes, *workers.indexes):
        index.create(connection, checkfirst=True)
