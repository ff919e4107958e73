"""Limits: how much the whole fleet may do, by kind, target and time, counted over all agents and processes of the store.

    pushes:    {tools: [git.push], per: project, count: 10, within: 10m, then: deny}
    services:  {tools: ["mcp.k8s.*"], per: agent, targets: 20, within: 1h, then: ask}
    refunds:   {tools: [mcp.pay.refund], amount: "500.00", argument: amount, within: 1d, then: deny}
    models:    {cost: "20.00", per: agent, within: 1d}

Rules
  1. A limit covers tools by name or pattern, or by effect class, or both. It counts actions, different targets, or an amount that
     an argument states, for each thing of one kind (`per`), within a sliding window; one of cost, what model calls cost.
  2. Room is taken in the transaction that records the intent, and counted there: of those that race for the last of it, one gets
     it. Nothing is sent for the others.
  3. What was surely not carried out gives its room back; what succeeded, or may have, keeps it.
     Of a model call the most that it may cost is taken, and what it did cost stays; one without a price cannot be counted.
  4. A full limit denies in code, whatever a policy says; one with `then: ask` asks a person instead, and what they approve is
     done and counted. An approval that was given while there was room does not answer for a full limit.
  5. A limit whose fact cannot be had (a target, a project, an amount) denies. So does a file of limits that cannot be read.
  6. What a tool may spend (gate.spending) is counted in the same way: as limits of that tool.

Pure but for the ports: `adapters.limits` reads the file, `adapters.sql.limits` counts, `gate.fleet` uses both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from bridle.core.canonical import Json
from bridle.gate.breakers import Breaker
from bridle.gate.manifest import Effect, Manifest
from bridle.trust.bindings import EVENTS
from bridle.trust.journal import GuardError
from bridle.trust.permissions import covers

Then: TypeAlias = Literal["deny", "ask"]
Facts: TypeAlias = Mapping[str, Json]

FULL, NOT_KNOWN, SPENT = "limit.full", "limit.not-known", "spend.used-up"
LONGEST = timedelta(days=31)  # of a window: what is older need not be kept
USD = "usd"  # stands in place of a target where cost is counted
GOES_ON = frozenset({"pipeline.continue", *EVENTS})  # it does nothing, so nothing of it is counted


class Per(StrEnum):
    """What a limit is counted for, each by itself."""

    ACCOUNT = "account"
    PROJECT = "project"
    PIPELINE = "pipeline"
    AGENT = "agent"
    INITIATOR = "initiator"
    EXECUTION = "execution"
    TARGET = "target"
    CASE = "case"


class Counts(StrEnum):
    """What is counted."""

    ACTIONS = "actions"
    TARGETS = "targets"
    AMOUNT = "amount"
    COST = "cost"


@dataclass(frozen=True)
class Limit:
    """How much may be done. `argument` states the amount; without `within` nothing is ever forgotten."""

    name: str
    most: Decimal
    counts: Counts = Counts.ACTIONS
    tools: tuple[str, ...] = ()
    effects: frozenset[Effect] = frozenset()
    per: Per = Per.ACCOUNT
    argument: str = ""
    within: timedelta | None = None
    then: Then = "deny"
    rule: str = FULL

    def covers(self, manifest: Manifest) -> bool:
        """True for a tool that this counts."""
        if manifest.tool in GOES_ON:
            return False
        named = not self.tools or any(covers(pattern, manifest.tool) for pattern in self.tools)
        return named and (not self.effects or manifest.effect in self.effects)

    def to_json(self) -> dict[str, Json]:
        """Return the limit as commands show it."""
        return {
            "limit": self.name,
            "tools": list(self.tools),
            "effects": sorted(self.effects),
            "per": str(self.per),
            "counts": str(self.counts),
            "most": f"{self.most:f}",
            "within_s": None if self.within is None else int(self.within.total_seconds()),
            "then": self.then,
        }


LASTING = frozenset({Effect.CONSEQUENTIAL, Effect.DESTRUCTIVE})
SHIPPED = (
    Limit(
        "changes-an-agent",
        Decimal(30),
        effects=LASTING,
        per=Per.AGENT,
        within=timedelta(minutes=10),
        then="ask",
    ),
    Limit(
        "targets-an-agent",
        Decimal(20),
        Counts.TARGETS,
        effects=LASTING,
        per=Per.AGENT,
        within=timedelta(minutes=10),
        then="ask",
    ),
    Limit(
        "destruction",
        Decimal(5),
        effects=frozenset({Effect.DESTRUCTIVE}),
        within=timedelta(minutes=10),
        then="ask",
    ),
)
"""What holds unless the account says otherwise. A person at work does less; an agent that runs away does more within a minute."""


@dataclass(frozen=True)
class Use:
    """What one action takes of one limit. A `group` or an amount of None is not known."""

    limit: Limit
    group: str | None
    target: str = ""
    amount: Decimal | None = Decimal(1)

    @property
    def known(self) -> bool:
        counted = bool(self.target) or self.limit.counts is not Counts.TARGETS
        return self.group is not None and self.amount is not None and counted


class LimitFull(GuardError):
    """Somebody else has taken the room since it was looked at."""

    default_reason = "limit-full"


@dataclass(frozen=True)
class TakeRoom:
    """Guard: count what an action takes; fails with LimitFull where it does not fit. `passed` are full limits that a person was
    asked about."""

    key: str
    uses: tuple[Use, ...]
    now: datetime
    passed: frozenset[str] = frozenset()
    guards = "room for {0.key}"


@dataclass(frozen=True)
class GiveRoomBack:
    """Guard: forget what an action took that was not carried out."""

    key: str
    guards = "room for {0.key}"


@dataclass(frozen=True)
class SettleCost:
    """Guard: what a model call really cost replaces what it took of the limits of cost."""

    key: str
    cost_usd: Decimal
    guards = "room for {0.key}"


@dataclass(frozen=True)
class Filling:
    """How full a limit is for one group."""

    limit: str
    group: str
    used: Decimal


class LimitSource(Protocol):
    """Says what the limits are now; a change counts at the next question."""

    def read(self) -> Sequence[Limit]:
        """Return them; raise InputError or TrustError when they cannot be read, so that nothing is done."""
        ...

    def breakers(self) -> Sequence[Breaker]:
        """Return the circuit breakers beside them; raises the same."""
        ...


class Rooms(Protocol):
    """Reads how full limits are. Taking room is a guard of the journal."""

    async def with_this(self, uses: Sequence[Use], *, now: datetime) -> list[Decimal]:
        """Return, for each use, what its limit would come to with it."""
        ...

    async def fillings(self, limits: Sequence[Limit], *, now: datetime) -> list[Filling]:
        """Return how full these limits are, fullest first."""
        ...
