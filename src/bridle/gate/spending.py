"""Spending: what an external tool may pay out, counted over all sessions, agents and processes of the store.

    spend: {argument: amount, per_call: "200.00", per_session: "500.00", per_day: "1000.00"}

Rules
  1. The amount is the argument's, as a decimal text of at most four places. What is none, or is not above zero, is refused.
  2. A call above `per_call` is refused in code, before policy is asked.
  3. The others are reserved in the transaction that records the intent, and counted there: of two calls that race for what is
     left, one gets it. Nothing is sent for the other.
  4. What has failed gives its reservation back; what succeeded, or may have, keeps it. `per_day` is the last 24 hours.

Pure but for the guards, which `adapters.sql.spending` applies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bridle.core.canonical import Json
from bridle.trust.journal import GuardError

AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class SpendRule:
    """What a tool may pay out; None is no limit of that kind."""

    argument: str
    per_call: Decimal | None = None
    per_session: Decimal | None = None
    per_day: Decimal | None = None

    def complaint(self, arguments: Mapping[str, Json]) -> str:
        """Return why the call cannot be made whatever was spent before, or an empty string."""
        amount = self.amount_of(arguments)
        if amount is None:
            return f"{self.argument} has to be an amount above zero, such as 12.50"
        if self.per_call is not None and amount > self.per_call:
            return f"{self.argument} is {amount}, and one call may spend {self.per_call}"
        return ""

    def amount_of(self, arguments: Mapping[str, Json]) -> Decimal | None:
        """Return the amount of a call, or None when it states none."""
        given = arguments.get(self.argument)
        if isinstance(given, bool) or not isinstance(given, (str, int, float)):
            return None
        text = str(given)
        amount = Decimal(text) if AMOUNT.fullmatch(text) else None
        return amount if amount is not None and amount > 0 else None


class SpendExceeded(GuardError):
    """What a tool may pay out is used up: somebody else's call, or an earlier one, has taken it."""

    default_reason = "spend-exceeded"


@dataclass(frozen=True)
class ReserveSpend:
    """Guard: count an amount against a tool's limits; fails with SpendExceeded when one does not hold it."""

    key: str
    tool: str
    session: str
    amount: Decimal
    rule: SpendRule
    now: datetime

    @property
    def guards(self) -> str:
        return f"spend of {self.key}"


@dataclass(frozen=True)
class ReleaseSpend:
    """Guard: give back what was reserved for a call that has failed."""

    key: str

    @property
    def guards(self) -> str:
        return f"spend of {self.key}"
