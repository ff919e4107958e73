"""Cases: the row of each that guards and lists look at."""

from alembic import op

from bridle.adapters.sql.schema import cases

revision = "0019_cases"
down_revision = "0018_breakers"


def upgrade() -> None:
    cases.create(op.get_bind(), checkfirst=True)
