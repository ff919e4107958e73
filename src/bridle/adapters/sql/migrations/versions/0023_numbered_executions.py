"""Executions of a pipeline are numbered: `pipeline.seq_id` of expressions."""

import sqlalchemy as sa
from alembic import op

revision = "0023_numbered_executions"
down_revision = "0022_attempted_calls"


def upgrade() -> None:
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("executions")}
    if "number" not in columns:  # a store that is made today has it from its first revision
        op.add_column("executions", sa.Column("number", sa.BigInteger, nullable=False, server_default="0"))
        op.create_index("executions_by_number", "executions", ["pipeline", "number"])
