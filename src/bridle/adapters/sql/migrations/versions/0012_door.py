"""Sessions of agents that run elsewhere, and what was approved of the descriptions of servers' tools."""

from alembic import op

from bridle.adapters.sql.schema import pins, sessions

revision = "0012_door"
down_revision = "0011_token_claims"


def upgrade() -> None:
    sessions.create(op.get_bind(), checkfirst=True)
    pins.create(op.get_bind(), checkfirst=True)
