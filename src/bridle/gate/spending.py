"""Spending: what an external tool may pay out, counted over all sessions, agents and processes of the store.

    spend: {argument: amount, per_call: "200.00", per_session: "500.00", per_day: "1000.00"}

Rules
  1. The amount is the argument's, as a decimal text of at most four places. What is none, or is not above zero, is refused.
  2. A call above `per_call` is refused in code, before policy is asked.
  3. The others are limits of that tool (gate.limits): `per_session` of its session, `per_day` of the last 24 hours.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridle.core.canonical import Json

AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)


@dataclass(frozen=True)
class SpendRule:
    """What a tool may pay out; None is no limit of that kind."""

    argument: str
    per_call: Decimal | None = None
    per_session: Decimal | None = None
    per_day: Decimal | None = None

    def complaint(self, arguments: Mapping[str, Json]) -> str:
        """Return why the call cannot be made whatever was spent before, or an empty string."""
        amount = amount_in(arguments.get(self.argument))
        if amount is None:
            return f"{self.argument} has to be an amount above zero, such as 12.50"
        if self.per_call is not None and amount > self.per_call:
            return f"{self.argument} is {amount}, and one call may spend {self.per_call}"
        return ""


def amount_in(given: Json) -> Decimal | None:
    """Return the amount that an argument states, or None when it states none."""
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return None
    text = str(given)
    amount = Decimal(text) if AMOUNT.fullmatch(text) else None
    return amount if amount is not None and amount > 0 else None
