"""Tokens say in which project they count.

A store that was made with the table as it is now has the column already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011_token_claims"
down_revision = "0010_credentials"


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("tokens")}
    if "claims" not in there:
        op.add_column("tokens", sa.Column("claims", sa.Text, nullable=False, server_default="{}"))
