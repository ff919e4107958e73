"""Circuit breakers: what is open, and the failures that may open it."""

from alembic import op

from bridle.adapters.sql.schema import breaker_failures, breakers

revision = "0018_breakers"
down_revision = "0017_kills"


def upgrade() -> None:
    breakers.create(op.get_bind(), checkfirst=True)
    breaker_failures.create(op.get_bind(), checkfirst=True)
