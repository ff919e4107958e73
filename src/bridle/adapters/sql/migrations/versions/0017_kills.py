"""The kill switch: what was stopped, and which process has said that nothing of it is left."""

from alembic import op

from bridle.adapters.sql.schema import kill_answers, kills

revision = "0017_kills"
down_revision = "0016_signing_key"


def upgrade() -> None:
    kills.create(op.get_bind(), checkfirst=True)
    kill_answers.create(op.get_bind(), checkfirst=True)
