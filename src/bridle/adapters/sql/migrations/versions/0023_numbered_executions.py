"""The schema as it is. A store from before this revision is refused: none was ever released.

A change of the schema is a revision of its own, after this one. It looks first whether the change is there: a store that is made
today has it from here.
"""

from alembic import op

from bridle.adapters.sql.schema import journal_head, metadata
from bridle.trust.journal import GENESIS

revision = "0023_numbered_executions"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    connection.execute(journal_head.insert().values(id=1, size=0, hash=GENESIS, frontier="[]"))
