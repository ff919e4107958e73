"""Budgets: what a step may still spend, reserved before a model is called and settled after.

Rules
  1. The estimate is reserved in the transaction that writes the intent, under the action's key; when it does not fit,
     the call is denied. Two calls that race for the last of it cannot both win.
  2. What was really used replaces the reservation in the transaction that writes the outcome.
  3. A cost limit on a model without a known price is a denial, never "no limit".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias

from bridle.core.canonical import Json, canonical
from bridle.gate.action import Action

Price: TypeAlias = Callable[[str, int, int], Decimal | None]
"""Price of (model, input tokens, output tokens) in US dollars, None when it is not known."""

MODEL_CALL = "model.call"
CHARACTERS_PER_TOKEN = 3  # on the safe side: English prose has about four, code and digests about three


@dataclass(frozen=True)
class Spend:
    """An amount of model use."""

    turns: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Budget:
    """Limits of one step and what is gone. A limit of None means that the definition set none."""

    id: str
    max_turns: int
    max_tokens: int | None
    max_cost_usd: Decimal | None
    used: Spend = Spend()
    reserved: Spend = Spend()

    def left(self) -> dict[str, Json]:
        """Return what is left, as facts show it; null where there is no limit."""
        tokens = (
            None if self.max_tokens is None else self.max_tokens - self.used.tokens - self.reserved.tokens
        )
        cost = None
        if self.max_cost_usd is not None:
            cost = str(self.max_cost_usd - self.used.cost_usd - self.reserved.cost_usd)
        turns = self.max_turns - self.used.turns - self.reserved.turns
        return {"turns": turns, "tokens": tokens, "cost_usd": cost}

    def refusal(self, wanted: Spend, *, priced: bool) -> str:
        """Return the rule that forbids spending `wanted`, or an empty string."""
        if self.max_cost_usd is not None and not priced:
            return "budget.unpriced"
        if self.used.turns + self.reserved.turns + wanted.turns > self.max_turns:
            return "budget.turns"
        if self.max_tokens is not None and self._tokens() + wanted.tokens > self.max_tokens:
            return "budget.tokens"
        if self.max_cost_usd is not None and self._cost() + wanted.cost_usd > self.max_cost_usd:
            return "budget.cost"
        return ""

    def _tokens(self) -> int:
        return self.used.tokens + self.reserved.tokens

    def _cost(self) -> Decimal:
        return self.used.cost_usd + self.reserved.cost_usd


@dataclass(frozen=True)
class OpenBudget:
    """Guard: store a budget unless it is there already (a step that runs again keeps what it has spent)."""

    budget: Budget
    guards = "budget {0.budget.id}"


@dataclass(frozen=True)
class ReserveBudget:
    """Guard: reserve `amount` for the action `key`; fails when it does not fit any more."""

    budget: str
    key: str
    amount: Spend
    guards = "budget {0.budget}"


@dataclass(frozen=True)
class SettleBudget:
    """Guard: replace the reservation of `key` by what was really used."""

    budget: str
    key: str
    used: Spend
    guards = "budget {0.budget}"


class Budgets(Protocol):
    """Reads budgets. Changing them is a guard of the journal."""

    async def get(self, budget: str) -> Budget | None: ...


def estimate(payload: Json, *, model: str, max_output_tokens: int, price: Price) -> tuple[Spend, bool]:
    """Return the most that a call may use, and whether the model has a price."""
    input_tokens = len(canonical(payload)) // CHARACTERS_PER_TOKEN + 1
    cost = price(model, input_tokens, max_output_tokens)
    spend = Spend(turns=1, tokens=input_tokens + max_output_tokens, cost_usd=cost or Decimal(0))
    return spend, cost is not None


def worst_cost(action: Action, price: Price) -> Decimal | None:
    """Return the most US dollars that a model call may cost; None when nobody can tell."""
    model, ceiling = (action.request.arguments.get(name) for name in ("model", "max_output_tokens"))
    if action.request.tool != MODEL_CALL or not isinstance(model, str) or not isinstance(ceiling, int):
        return None
    spend, priced = estimate(action.payload, model=model, max_output_tokens=ceiling, price=price)
    return spend.cost_usd if priced else None


REASONS = {
    "budget.missing": "No budget was opened for this step.",
    "budget.unpriced": "The model has no known price, so a cost limit cannot be kept.",
    "budget.turns": "The step has used all its turns.",
    "budget.tokens": "The call could use more tokens than the step has left.",
    "budget.cost": "The call could cost more than the step has left.",
}


def spent(facts: Mapping[str, Json]) -> Spend:
    """Read what a model call really used from the delegate's facts: `usage` and `cost_usd`."""
    usage = facts.get("usage")
    numbers = usage if isinstance(usage, Mapping) else {}
    counted = [numbers.get(name, 0) for name in ("input_tokens", "output_tokens")]
    tokens = sum(number for number in counted if isinstance(number, int))
    return Spend(turns=1, tokens=tokens, cost_usd=Decimal(str(facts.get("cost_usd") or 0)))
