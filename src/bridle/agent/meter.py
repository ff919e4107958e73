"""What a run has used, and the limit it has reached.

Rules
  1. Time is time at work: the durations that the delegate measured, which a replay finds again, not the clock.
     Waiting for a person costs nothing.
  2. A limit stops the run before the next call of the model, never in the middle of an effect.
  3. A turn without a price under a limit of money is a reached limit: the limit could not be kept any more.

The gate reserves and settles the step's budget durably; this is the loop's own count, which also holds where no
budget was opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bridle.agent.definition import AgentLimits
from bridle.core.canonical import Json
from bridle.core.conversation import ModelReply


@dataclass
class Meter:
    """Counts one run."""

    limits: AgentLimits
    turns: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: bool = False
    worked_ms: int = 0

    def count_reply(self, reply: ModelReply) -> None:
        """Add one turn."""
        self.turns += 1
        self.tokens += reply.usage.input_tokens + reply.usage.output_tokens
        self.cost_usd += reply.cost_usd or Decimal(0)
        self.unpriced = self.unpriced or reply.cost_usd is None

    def count_work(self, facts: Mapping[str, Json], *, measured_ms: int) -> None:
        """Add the time of one action; `measured_ms` stands in where the delegate named none."""
        told = facts.get("duration_ms")
        self.worked_ms += told if isinstance(told, int) else measured_ms

    def reached(self) -> str:
        """Return the limit that forbids another turn, or an empty string."""
        limits = self.limits
        reached = {
            "turns": self.turns >= limits.max_turns,
            "tokens": limits.max_tokens is not None and self.tokens >= limits.max_tokens,
            "unpriced": limits.max_cost_usd is not None and self.unpriced,
            "cost": limits.max_cost_usd is not None and self.cost_usd >= limits.max_cost_usd,
            "time": self.worked_ms >= limits.timeout_s * 1000,
        }
        return next((name for name, over in reached.items() if over), "")
