"""Named locks, and barriers."""

from alembic import op

from bridle.adapters.sql.schema import barrier_arrivals, lock_tickets

revision = "0005_locks"
down_revision = "0004_admission"


def upgrade() -> None:
    for table in (lock_tickets, barrier_arrivals):
        table.create(op.get_bind(), checkfirst=True)  # a store made anew has it from the first revision
