"""Approvals that want several people: their terms, and whose word stands.

A store that was made with these tables has the columns already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006_quorums"
down_revision = "0005_locks"


def upgrade() -> None:
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("approvals")}
    for name, empty in (("terms", "{}"), ("given", "[]")):
        if name not in there:
            op.add_column("approvals", sa.Column(name, sa.Text, nullable=False, server_default=empty))
