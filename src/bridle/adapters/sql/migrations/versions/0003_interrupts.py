"""Executions take wishes: to pause, to be cancelled."""

import sqlalchemy as sa
from alembic import op

from bridle.adapters.sql.schema import executions

revision = "0003_interrupts"
down_revision = "0002"


def upgrade() -> None:
    connection = op.get_bind()
    known = {column["name"] for column in sa.inspect(connection).get_columns("executions")}
    if "wish" not in known:  # a store made anew has it from the first revision
        op.add_column("executions", sa.Column("wish", sa.Text, nullable=False, server_default=""))
    for index in executions.indexes:
        index.create(connection, checkfirst=True)
