"""Items of work: what an agent's action left behind that only a person can settle, and the signed word that settles it.

Rules
  1. An item is parked with its reason in the transaction that records the outcome (gate.leaving).
  2. A person who is active and holds `work:settle` settles it, once, with one of the answers that it offers. The control plane
     signs the record, and the person's own key where they have one.
  3. An agent settles nothing, whatever it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridle.core.errors import TrustError
from bridle.trust.journal import Record
from bridle.trust.keys import Verifier
from bridle.trust.notary import Form

PERMISSION = "work:settle"
FORM = Form(
    "bridle/work/1",
    "what was said of the work",
    frozenset({"item", "action", "answer", "by", "name", "asserted", "comment", "record", "person"}),
)


class Settlement(StrEnum):
    """What a person says of an item: it was done, it was not, it is undone, or the very same call may be sent once more."""

    DONE = "done"
    NOT_DONE = "not-done"
    COMPENSATE = "compensate"
    RETRY = "retry"


@dataclass(frozen=True)
class WorkItem:
    """One item: which action of which stream it is about. Why, and what is known, is in its record."""

    id: str
    stream: str
    key: str
    at: datetime
    open: bool = True


@dataclass(frozen=True)
class ParkWork:
    """Guard: store an item."""

    item: WorkItem
    guards = "work {0.item.id}"


@dataclass(frozen=True)
class SettleWork:
    """Guard: settle an item; fails when somebody has."""

    item: str
    guards = "work {0.item}"


class Work(Protocol):
    """Reads items. Changing them is a guard of the journal."""

    async def get(self, item: str) -> WorkItem | None:
        """Return an item, or None."""
        ...

    async def find(self, *, settled: bool = False) -> list[WorkItem]:
        """Return what is open, or everything, the oldest first."""
        ...


def check_settlement(record: Record, *, control_plane: Verifier) -> None:
    """Raise TrustError unless all who had to have signed it, and it is about the item that the record is about."""
    FORM.check(record.body, control_plane=control_plane)
    if record.body["item"] != record.subject:
        raise TrustError("it is about another item", reason="bad-signature")
