"""An attempt names the call that it was: only that one may be sent once more."""

import sqlalchemy as sa
from alembic import op

revision = "0022_attempted_calls"
down_revision = "0021_obligations"


def upgrade() -> None:
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("attempts")}
    if "call" not in columns:  # a store that is made today has it from its first revision
        op.add_column("attempts", sa.Column("call", sa.Text, nullable=False, server_default=""))
