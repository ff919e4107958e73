"""What the fleet may still do: limits and breakers, put to one action. The gate asks here before and in its transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import BridleError
from bridle.dispatch.protocol import Report
from bridle.gate.action import Action
from bridle.gate.breakers import (
    STREAM,
    Circuits,
    EnterCircuits,
    LeaveCircuits,
    MarkOpening,
    Verdict,
    circuits_in,
    circuits_of,
    describe_circuits,
)
from bridle.gate.budgets import MODEL_CALL, spent
from bridle.gate.filling import describe_use, full_asking
from bridle.gate.limits import (
    SPENT,
    USD,
    Counts,
    Limit,
    LimitFull,
    LimitSource,
    Per,
    Rooms,
    SettleCost,
    TakeRoom,
    Use,
)
from bridle.gate.loops import name_target
from bridle.gate.manifest import Manifest
from bridle.gate.spending import amount_in
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind

Facts: TypeAlias = Mapping[str, Json]
Cost: TypeAlias = Callable[[], Decimal | None]
"""Says the most that a model call may cost; asked only where a limit counts that, since it takes the whole payload."""


@dataclass(frozen=True)
class FleetLimits:
    """The limits and breakers in force, how full the ones and how open the others are."""

    source: LimitSource
    rooms: Rooms
    circuits: Circuits

    async def describe(
        self, action: Action, facts: Facts, manifest: Manifest | None, *, cost: Cost, now: datetime
    ) -> dict[str, Json]:
        """Return the facts `limits` and `breakers`; null where nobody can tell. `cost` says what a model call may cost."""
        arguments = action.request.arguments
        uses = self._uses_of(facts, manifest, arguments, cost)
        if uses is None:
            return {"limits": None, "breakers": None}
        if manifest is None:
            return {"limits": [], "breakers": []}
        known = [use for use in uses if use.known]
        totals = await self.rooms.with_this(known, now=now) if known else []
        came_to = dict(zip(map(id, known), totals, strict=True))
        circuits = circuits_of(self.source.breakers(), facts, manifest, arguments)
        states = await self.circuits.states(circuits, now=now)
        return {
            "limits": [describe_use(use, came_to.get(id(use))) for use in uses],
            "breakers": describe_circuits(circuits, states, manifest),
        }

    def take(
        self, action: Action, facts: Facts, manifest: Manifest, *, cost: Cost, now: datetime
    ) -> list[Guard]:
        """Return the guards that count an action decided on these facts; raise LimitFull when nobody can tell what it takes."""
        uses = self._uses_of(facts, manifest, action.request.arguments, cost)
        if uses is None or not all(use.known for use in uses):
            raise LimitFull("what this action takes of the limits is not known any more")
        circuits = tuple(
            circuit
            for circuit in circuits_in(facts, self.source.breakers())
            if circuit.breaker.holds(manifest)
        )
        guards: list[Guard] = []
        if uses:
            guards.append(TakeRoom(action.key, tuple(uses), now, frozenset(full_asking(facts))))
        return [*guards, EnterCircuits(action.key, circuits, now)] if circuits else guards

    async def leave(
        self, journal: Journal, action: Action, manifest: Manifest | None, verdict: Verdict, *, now: datetime
    ) -> list[Guard]:
        """Return the guard that tells the breakers what became of an action; none where no breaker covers its tool."""
        try:
            breakers = self.source.breakers()
        except BridleError:
            return []  # whoever acts next is refused for it
        if manifest is None or not any(breaker.covers(manifest) for breaker in breakers):
            return []
        decided = await journal.last(action.execution, action.key, (Kind.DECIDED,))
        facts = decided.body["facts"] if decided else None
        circuits = circuits_in(facts, breakers) if isinstance(facts, Mapping) else []
        return [LeaveCircuits(action.key, tuple(circuits), verdict, now)] if circuits else []

    async def record_openings(self, journal: Journal) -> None:
        """Record each opening that is not recorded yet, once."""
        for one in await self.circuits.opened():
            if one.recorded:
                continue
            entry = Entry(Kind.BREAKER_OPENED, STREAM, one.id, one.to_json())
            try:
                await journal.append([entry], [MarkOpening(one.id)])
            except GuardError:  # somebody else has just recorded it, or it is closed again
                continue

    def _uses_of(
        self, facts: Facts, manifest: Manifest | None, arguments: Mapping[str, Json], cost: Cost
    ) -> list[Use] | None:
        """Return what an action takes of each limit that covers it; None when the limits cannot be read."""
        try:
            limits = self.source.read()
        except BridleError:
            return None
        held = (*limits, *spend_limits(manifest)) if manifest else ()
        return [
            _use(limit, manifest, facts, arguments, cost)
            for limit in held
            if manifest and limit.covers(manifest)
        ]


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


def settle_cost(action: Action, report: Report) -> list[Guard]:
    """Return the guard that puts what a model call cost in place of what it took; none where it was done, and nobody told."""
    if action.request.tool != MODEL_CALL or report.status == "unknown":
        return []
    told = report.facts.get("cost_usd")
    if told is None and report.status == "succeeded":
        return []
    return [SettleCost(action.key, spent(report.facts).cost_usd)]


def _use(limit: Limit, manifest: Manifest, facts: Facts, arguments: Mapping[str, Json], cost: Cost) -> Use:
    if limit.counts is Counts.COST:
        return Use(limit, _group(limit.per, facts, ""), USD, cost())
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
        found = as_mapping(facts["action"]).get("case")
    elif per is Per.EXECUTION:
        found = as_mapping(facts["action"]).get("execution")
    elif per in (Per.AGENT, Per.INITIATOR):
        who = facts.get("principal" if per is Per.AGENT else "initiator")
        found = as_mapping(who).get("id") if isinstance(who, Mapping) else None
    else:
        found = as_mapping(facts["place"]).get(str(per))
    return found if isinstance(found, str) else None
