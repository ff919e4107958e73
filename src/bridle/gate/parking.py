"""Parking: work that nobody can bring to an end by itself becomes an item of work with its reason, and waits for a person.

How to use it. Whoever recovers an action (an unknown outcome that cannot be looked up or compensated, a permanent refusal, a
partial outcome) calls

    case = await parking.park(Parked(about=intent.subject, reason="the ledger knows nothing of it", case=action.case))

with the key of the action, or the id of an execution, as `about`, and the action's own case where it has one. It then

  - raises an exception of the kind `parked` on that case; or, without one, opens an item of the type `parked-work` whose business
    object is `about`, and raises the exception there. The id of the case comes back;
  - is itself an action of the control plane through the gate, decided and recorded, so do not call it from inside a transaction;
  - does nothing the second time: the same `about` is parked once while it is open, however many processes try.

While the exception is open no agent does anything that lasts in that case, and everybody else is asked. `bridle case list
--parked` shows it; a person settles it with `bridle case resolve`. `operating.cases.parking` implements it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Parked:
    """An item of work. `about` is an action's key or an execution's id, `case` the case it belongs to, or empty."""

    about: str
    reason: str
    case: str = ""


class Parking(Protocol):
    """Parks items of work."""

    async def park(self, item: Parked) -> str:
        """Park it, once, and return the id of the case that holds it; raise ExecutionError when it was not recorded."""
        ...
