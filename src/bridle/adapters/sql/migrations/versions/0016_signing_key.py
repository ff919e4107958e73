"""The journal's head names the key that signs: whoever holds another one, replaced or foreign, appends nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0016_signing_key"
down_revision = "0015_attempts"


def upgrade() -> None:
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("journal_head")}
    if "signer" not in columns:  # a store that is made today has it from its first revision
        op.add_column("journal_head", sa.Column("signer", sa.Text, nullable=False, server_default=""))
