"""The closed vocabulary of states: one spelling in API, database, page and journal.

A state may carry a *note* beside it ("failure ignored", "stopped by freeze"). The words of the pipeline
dialect are mapped to these at the border, in `pipeline`, and nowhere else.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """State of an execution, stage, step run or action."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    DENIED = "denied"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """True when nothing can follow."""
        return self not in {State.PENDING, State.RUNNING, State.WAITING, State.PAUSED}
