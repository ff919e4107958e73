"""Items of work: what only a person can settle."""

from alembic import op

from bridle.adapters.sql.schema import work

revision = "0020_work"
down_revision = "0019_cases"


def upgrade() -> None:
    work.create(op.get_bind(), checkfirst=True)
