"""One piece of business is tried by one at a time: where each stands."""

from alembic import op

from bridle.adapters.sql.schema import attempts

revision = "0015_attempts"
down_revision = "0014_limits"


def upgrade() -> None:
    attempts.create(op.get_bind(), checkfirst=True)
