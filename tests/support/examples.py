"""How many examples a property is tried with: a few in each run, which are others every time; with BRIDLE_EXAMPLES=all, all."""

import os

ALL = os.environ.get("BRIDLE_EXAMPLES") == "all"
LEAST = 20


def examples(count: int) -> int:
    """Return how many of `count` this run tries."""
    return count if ALL else max(min(LEAST, count), count // 5)
