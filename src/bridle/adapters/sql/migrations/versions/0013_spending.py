"""What external tools paid out. The table of this revision is gone since 0014, which keeps the same for limits of every kind."""

revision = "0013_spending"
down_revision = "0012_door"


def upgrade() -> None:
    """Leave it to 0014: a store that comes from before has nothing to keep."""
