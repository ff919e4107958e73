"""Keys of users and service accounts, by digest."""

from alembic import op

from bridle.adapters.sql.schema import credentials

revision = "0010_credentials"
down_revision = "0009_moved"


def upgrade() -> None:
    credentials.create(op.get_bind(), checkfirst=True)  # a store made anew has it from the first revision
