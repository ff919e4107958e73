"""What was written into systems of record without a trusted origin."""

from alembic import op

from bridle.adapters.sql.schema import writings

revision = "0024_writings"
down_revision = "0023_numbered_executions"


def upgrade() -> None:
    writings.create(op.get_bind(), checkfirst=True)
