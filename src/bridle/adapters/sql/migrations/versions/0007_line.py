"""An index of what stands in line, so that looking for the next costs nothing while thousands wait for people."""

from alembic import op

from bridle.adapters.sql.schema import executions

revision = "0007_line"
down_revision = "0006_quorums"


def upgrade() -> None:
    for index in executions.indexes:
        index.create(op.get_bind(), checkfirst=True)
