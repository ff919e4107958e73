"""Deeds say whether they moved their target: what somebody took back outside Bridle shows by that alone.

A store that was made with the table has the column already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009_moved"
down_revision = "0008_deeds"


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("deeds")}
    if "moved" not in there:
        op.add_column("deeds", sa.Column("moved", sa.Boolean, nullable=False, server_default=sa.false()))
