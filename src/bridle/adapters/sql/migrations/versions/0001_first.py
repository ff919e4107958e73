"""The first schema.

While nothing has been released the first revision is the schema itself; from the first release on a change of
the schema is a revision of its own and this one is frozen.
"""

from alembic import op

from bridle.adapters.sql.schema import journal_head, metadata
from bridle.trust.journal import GENESIS

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    connection.execute(journal_head.insert().values(id=1, size=0, hash=GENESIS, frontier="[]"))
