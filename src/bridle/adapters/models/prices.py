"""What a turn costs, in US dollars.

Rules
  1. A price given for the connection wins over the list; the list is genai-prices, as installed.
  2. A model without a price has no cost, which is not the same as costing nothing.
  3. A model behind a URL of one's own has no list price, whatever it is called.
  4. Turns from a file cost what the model named in `priced_as` would have cost; nothing is charged.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from bridle.core.conversation import Usage
from bridle.core.errors import InputError

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.00000001")
PROVIDERS = {"anthropic": "anthropic", "openai": "openai", "bedrock": "aws"}


@dataclass(frozen=True)
class Price:
    """A price of one's own, in US dollars per million tokens."""

    input_usd: Decimal
    output_usd: Decimal

    def cost(self, usage: Usage) -> Decimal:
        """Return the cost of one turn; cached input counts in full."""
        total = usage.input_tokens * self.input_usd + usage.output_tokens * self.output_usd
        return (total / MILLION).quantize(SMALLEST)


def parse_price(text: str) -> Price:
    """Read `0.25/1.25`: dollars per million tokens of input and of output."""
    try:
        amounts = [Decimal(part) for part in text.split("/")]
    except InvalidOperation as exc:
        raise InputError(f"{text!r} is not a price", hint="write input/output, such as 0.25/1.25") from exc
    if len(amounts) != 2 or not all(amount.is_finite() and amount >= 0 for amount in amounts):
        raise InputError(f"{text!r} is not a price", hint="write input/output, such as 0.25/1.25")
    return Price(*amounts)


def list_cost(model: str, usage: Usage) -> Decimal | None:
    """Return what `provider:model` costs by the list, or None when it is not on it."""
    provider, _, name = model.partition(":")
    if provider not in PROVIDERS or not name or "@" in name:
        return None
    from genai_prices import (
        Usage as PricedUsage,  # a list of every model there is: only for who asks for a price
    )
    from genai_prices import calc_price

    priced = PricedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        total = calc_price(priced, name, provider_id=PROVIDERS[provider]).total_price
    except LookupError:
        return None
    return Decimal(total).quantize(SMALLEST)


def cost_of(model: str, usage: Usage, *, override: Price | None) -> tuple[Decimal | None, str]:
    """Return the cost of a live turn and where it is from: override, list or unpriced."""
    if override is not None:
        return override.cost(usage), "override"
    cost = list_cost(model, usage)
    return cost, "unpriced" if cost is None else "list"


def recorded_cost(priced_as: str, usage: Usage) -> tuple[Decimal | None, str]:
    """Return what a turn from a file would have cost: recorded or unpriced."""
    cost = list_cost(priced_as, usage)
    return cost, "unpriced" if cost is None else "recorded"
