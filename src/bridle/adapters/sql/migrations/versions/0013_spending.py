"""What external tools paid out, so that limits hold over all processes."""

from alembic import op

from bridle.adapters.sql.schema import spending

revision = "0013_spending"
down_revision = "0012_door"


def upgrade() -> None:
    spending.create(op.get_bind(), checkfirst=True)
