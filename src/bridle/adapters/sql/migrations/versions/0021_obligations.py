"""What one call makes due of another."""

from alembic import op

from bridle.adapters.sql.schema import obligations

revision = "0021_obligations"
down_revision = "0020_work"


def upgrade() -> None:
    obligations.create(op.get_bind(), checkfirst=True)
