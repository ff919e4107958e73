"""Limits: how much the whole fleet may do, by kind, target and time, counted over all agents and processes of the store.

    pushes:    {tools: [git.push], per: project, count: 10, within: 10m, then: deny}
    services:  {tools: ["mcp.k8s.*"], per: agent, targets: 20, within: 1h, then: ask}
    refunds:   {tools: [mcp.pay.refund], amount: "500.00", argument: amount, within: 1d, then: deny}

Rules
  1. A limit covers tools by name or pattern, or by effect class, or both. It counts actions, different targets, or an amount that
     an argument states, for each thing of one kind (`per`), within a sliding window.
  2. Room is taken in the transaction that records the intent, and counted there: of those that race for the last of it, one gets
     it. Nothing is sent for the others.
  3. What was surely not carried out gives its room back; what succeeded, or may have, keeps it.
  4. A full limit denies in code, whatever a policy says; one with `then: ask` asks a person instead, and what they approve is
     done and counted. An approval that was given while there was room does not answer for a full limit.
  5. A limit whose fact cannot be had (a target, a project, an amount) denies. So does a file of limits that cannot be read.
  6. What a tool may spend (gate.spending) is counted in the same way: as limits of that tool.

Pure but for the ports: `adapters.limits` reads the file, `adapters.sql.limits` counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import BridleError
from bridle.gate.loops import name_target
from bridle.gate.manifest import Effect, Manifest
from bridle.gate.spending import amount_in
from bridle.trust.journal import GuardError
from bridle.trust.permissions import covers
from bridle.trust.policy import Finding

Then: TypeAlias = Literal["deny", "ask"]
Facts: TypeAlias = Mapping[str, Json]

FULL, NOT_KNOWN, SPENT = "limit.full", "limit.not-known", "spend.used-up"
LONGEST = timedelta(days=31)  # of a window: what is older need not be kept
GOES_ON = "pipeline.continue"  # it does nothing, so nothing of it is counted


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
        if manifest.tool == GOES_ON:
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

    @property
    def guards(self) -> str:
        return f"room for {self.key}"


@dataclass(frozen=True)
class GiveRoomBack:
    """Guard: forget what an action took that was not carried out."""

    key: str

    @property
    def guards(self) -> str:
        return f"room for {self.key}"


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


class Rooms(Protocol):
    """Reads how full limits are. Taking room is a guard of the journal."""

    async def with_this(self, uses: Sequence[Use], *, now: datetime) -> list[Decimal]:
        """Return, for each use, what its limit would come to with it."""
        ...

    async def fillings(self, limits: Sequence[Limit], *, now: datetime) -> list[Filling]:
        """Return how full these limits are, fullest first."""
        ...


@dataclass(frozen=True)
class FleetLimits:
    """The limits in force, and how full they are."""

    source: LimitSource
    rooms: Rooms

    def uses_of(
        self, facts: Facts, manifest: Manifest | None, arguments: Mapping[str, Json]
    ) -> list[Use] | None:
        """Return what an action takes of each limit that covers it; None when the limits cannot be read."""
        if manifest is None:
            return []
        try:
            limits = self.source.read()
        except BridleError:
            return None
        held = (*limits, *(spend_limits(manifest)))
        return [_use(limit, manifest, facts, arguments) for limit in held if limit.covers(manifest)]

    async def describe(
        self, facts: Facts, manifest: Manifest | None, arguments: Mapping[str, Json], *, now: datetime
    ) -> list[Json] | None:
        """Return the fact `limits`: how full each limit would be with this action; None when nobody can tell."""
        uses = self.uses_of(facts, manifest, arguments)
        if uses is None:
            return None
        known = [use for use in uses if use.known]
        totals = (
            dict(zip(map(id, known), await self.rooms.with_this(known, now=now), strict=True))
            if known
            else {}
        )
        return [_describe(use, totals.get(id(use))) for use in uses]

    def take(
        self, key: str, facts: Facts, manifest: Manifest, arguments: Mapping[str, Json], now: datetime
    ) -> TakeRoom:
        """Return the guard that counts an action decided on these facts; raise LimitFull when nobody can tell what it takes."""
        uses = self.uses_of(facts, manifest, arguments)
        if uses is None or not all(use.known for use in uses):
            raise LimitFull("what this action takes of the limits is not known any more")
        return TakeRoom(key, tuple(uses), now, frozenset(full_asking(facts)))


def spend_limits(manifest: Manifest) -> list[Limit]:
    """Return what a tool's owner lets it spend, as limits."""
    rule = manifest.spend
    if rule is None:
        return []
    found = (
        (Per.EXECUTION, "session", rule.per_session, None),
        (Per.ACCOUNT, "day", rule.per_day, timedelta(days=1)),
    )
    return [
        Limit(
            f"{manifest.tool} {span}",
            most,
            Counts.AMOUNT,
            tools=(manifest.tool,),
            per=per,
            argument=rule.argument,
            within=within,
            rule=SPENT,
        )
        for per, span, most, within in found
        if most is not None
    ]


def refuse_full(facts: Facts, manifest: Manifest) -> list[Finding]:
    """Return what the limits refuse in code: full ones, and those of which nobody can tell."""
    limits = facts.get("limits")
    if not isinstance(limits, (list, tuple)):
        if "limits" not in facts and not manifest.effect.lasts:
            return []
        return [
            Finding(
                NOT_KNOWN, "What the limits are is not known, so nothing is done: bridle doctor says why."
            )
        ]
    return [finding for entry in limits if (finding := _refusal(entry)) is not None]


def full_asking(facts: Facts) -> list[str]:
    """Return the names of the full limits that ask a person."""
    return [str(entry.get("limit")) for entry in _asking(facts)]


def ask_about_full(facts: Facts) -> tuple[Finding, ...]:
    """Return the questions that full limits put to a person."""
    return tuple(Finding(FULL, _tell(entry)) for entry in _asking(facts))


def _asking(facts: Facts) -> list[Mapping[str, Json]]:
    limits = facts.get("limits")
    entries = limits if isinstance(limits, (list, tuple)) else ()
    return [
        entry
        for entry in entries
        if isinstance(entry, Mapping) and entry.get("then") == "ask" and entry.get("full") is True
    ]


def _refusal(entry: Json) -> Finding | None:
    if not isinstance(entry, Mapping):
        return Finding(NOT_KNOWN, "What this takes of a limit is not known, so it is not done.")
    if entry.get("with_this") is None or not isinstance(entry.get("full"), bool):
        what = f"what it takes of the limit {entry.get('limit')} is not known"
        return Finding(NOT_KNOWN, f"This cannot be counted: {what}. So it is not done.")
    if not entry["full"] or entry.get("then") == "ask":
        return None
    return Finding(str(entry.get("rule")), _tell(entry))


def _tell(entry: Mapping[str, Json]) -> str:
    within = entry.get("within_s")
    span = f" within {_show_span(within)}" if isinstance(within, int) else ""
    return (
        f"The limit {entry.get('limit')} is full: with this there would be {entry.get('with_this')} {entry.get('counts')}{span} "
        f"for {entry.get('per')} {entry.get('group')}".rstrip()
        + f", and {entry.get('most')} is the most. Nothing more can be done of it now."
    )


def _show_span(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _use(limit: Limit, manifest: Manifest, facts: Facts, arguments: Mapping[str, Json]) -> Use:
    made = facts.get("provenance")
    target = name_target(manifest, arguments, made if isinstance(made, Mapping) else None)
    amount = amount_in(arguments.get(limit.argument)) if limit.counts is Counts.AMOUNT else Decimal(1)
    # of what changes a place that cannot be told, each call counts as another place: never less than there are
    counted = target or (digest(arguments) if manifest.target else "")
    return Use(limit, _group(limit.per, facts, target), counted, amount)


def _group(per: Per, facts: Facts, target: str) -> str | None:
    """Return what the action is counted for; None when that is not known. What is of no case is counted together."""
    found: Json
    if per is Per.ACCOUNT:
        return ""
    if per is Per.TARGET:
        return target or None
    if per is Per.CASE:
        found = as_mapping(facts.get("task") or {}).get("case") or ""
    elif per is Per.EXECUTION:
        found = as_mapping(facts["action"]).get("execution")
    elif per in (Per.AGENT, Per.INITIATOR):
        who = facts.get("principal" if per is Per.AGENT else "initiator")
        found = as_mapping(who).get("id") if isinstance(who, Mapping) else None
    else:
        found = as_mapping(facts["place"]).get(str(per))
    return found if isinstance(found, str) else None


def _describe(use: Use, total: Decimal | None) -> dict[str, Json]:
    limit = use.limit
    return {
        "limit": limit.name,
        "rule": limit.rule,
        "per": str(limit.per),
        "group": use.group,
        "counts": str(limit.counts),
        "with_this": None if total is None else f"{total:f}",
        "most": f"{limit.most:f}",
        "within_s": None if limit.within is None else int(limit.within.total_seconds()),
        "then": limit.then,
        "full": None if total is None else total > limit.most,
    }
