"""What was done to targets, so that the same change made again and again is noticed.

Nothing is filled in of what was done before: the first count begins with the migration.
"""

from alembic import op

from bridle.adapters.sql.schema import deeds

revision = "0008_deeds"
down_revision = "0007_line"


def upgrade() -> None:
    deeds.create(op.get_bind(), checkfirst=True)
