"""Leases that can be taken, and one intent and one outcome for each key.

A lease outlives no upgrade: the table is made anew.
"""

from alembic import op

from bridle.adapters.sql.schema import journal, workers

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    workers.drop(connection)
    workers.create(connection)
    for index in journal.indexes:
        index.create(connection, checkfirst=True)
