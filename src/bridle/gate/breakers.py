"""Circuit breakers: what fails again and again is left alone for a while, by every agent and process at once.

    servers:  {tools: ["mcp.*"], per: server, failures: 5, within: 5m, cool-down: 5m, reads: allow}

Rules
  1. A breaker covers tools by name or pattern, or by effect class, or both, and counts failures for each server, tool, target or
     environment by itself. A failure is an answer that says so, one that never came, or a target that cannot be reached.
     What was cancelled, and what the delegate refused, says nothing about the target.
  2. After so many within a sliding window it opens: what it covers is denied, whatever a policy says, until it has cooled down.
     Reads pass or not as the breaker says (`reads`).
  3. Then one action passes, and only one, over all processes: its intent takes the probe. When it succeeds the breaker closes,
     when it fails it opens anew. A probe of which nothing is heard for as long again is taken by another.
  4. An opening is recorded, and so is a person who closes one (`breaker:close`).

Pure but for the port: `adapters.sql.breakers` keeps what is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.clock import iso
from bridle.gate.loops import name_target
from bridle.gate.manifest import Effect, Manifest
from bridle.trust.journal import GuardError
from bridle.trust.permissions import covers
from bridle.trust.policy import Finding

Facts: TypeAlias = Mapping[str, Json]
Verdict: TypeAlias = Literal["ok", "failed", "void"]
"""What an outcome says of its target; void is nothing."""

OPEN = "breaker.open"
PERMISSION = "breaker:close"
STREAM = "breakers"


class About(StrEnum):
    """What a breaker counts failures for."""

    TOOL = "tool"
    SERVER = "server"
    TARGET = "target"
    ENVIRONMENT = "environment"


class CircuitState(StrEnum):
    """How a circuit stands; one that has cooled lets one action through."""

    CLOSED = "closed"
    OPEN = "open"
    COOLED = "cooled"
    PROBING = "probing"


@dataclass(frozen=True)
class Breaker:
    """When to leave alone what fails, and for how long."""

    name: str
    failures: int
    within: timedelta
    cool_down: timedelta
    tools: tuple[str, ...] = ()
    effects: frozenset[Effect] = frozenset()
    per: About = About.TARGET
    reads: Literal["allow", "deny"] = "allow"

    def covers(self, manifest: Manifest) -> bool:
        """True for a tool whose failures this counts."""
        named = not self.tools or any(covers(pattern, manifest.tool) for pattern in self.tools)
        return named and (not self.effects or manifest.effect in self.effects)

    def holds(self, manifest: Manifest) -> bool:
        """True for a tool that does not pass while this is open."""
        return manifest.effect is not Effect.READ or self.reads == "deny"

    def to_json(self) -> dict[str, Json]:
        """Return the breaker as commands show it."""
        return {
            "breaker": self.name,
            "tools": list(self.tools),
            "effects": sorted(self.effects),
            "per": str(self.per),
            "failures": self.failures,
            "within_s": int(self.within.total_seconds()),
            "cool_down_s": int(self.cool_down.total_seconds()),
            "reads": self.reads,
        }


SHIPPED = (
    Breaker("servers", 5, timedelta(minutes=5), timedelta(minutes=5), tools=("mcp.*",), per=About.SERVER),
    Breaker(
        "targets",
        5,
        timedelta(minutes=10),
        timedelta(minutes=10),
        effects=frozenset({Effect.CONSEQUENTIAL, Effect.DESTRUCTIVE}),
    ),
)
"""What holds unless the account says otherwise: five failures are no accident any more."""


@dataclass(frozen=True)
class Circuit:
    """One breaker for one of the things that it counts failures for."""

    breaker: Breaker
    subject: str


class CircuitOpen(GuardError):
    """It has opened, or somebody else took the probe, since it was looked at."""

    default_reason = "breaker-open"


@dataclass(frozen=True)
class EnterCircuits:
    """Guard: nothing that the action runs on is open; where it has cooled down, the action is the probe."""

    key: str
    circuits: tuple[Circuit, ...]
    now: datetime
    guards = "circuits of {0.key}"


@dataclass(frozen=True)
class LeaveCircuits:
    """Guard: count what became of an action for what it ran on; opens and closes."""

    key: str
    circuits: tuple[Circuit, ...]
    verdict: Verdict
    now: datetime
    guards = "circuits of {0.key}"


@dataclass(frozen=True)
class MarkOpening:
    """Guard: an opening is recorded; fails when it was before."""

    circuit: str
    guards = "breaker {0.circuit}"


@dataclass(frozen=True)
class CloseCircuit:
    """Guard: close an open circuit by hand; fails when it is none."""

    circuit: str
    guards = "breaker {0.circuit}"


@dataclass(frozen=True)
class OpenCircuit:
    """A circuit that is open. `until` is when it has cooled down."""

    id: str
    breaker: str
    subject: str
    opened_at: str
    until: str
    recorded: bool

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "breaker": self.breaker,
            "subject": self.subject,
            "opened_at": self.opened_at,
            "until": self.until,
        }


class Circuits(Protocol):
    """Reads circuits. Changing them is a guard of the journal."""

    async def states(self, circuits: Sequence[Circuit], *, now: datetime) -> list[tuple[CircuitState, str]]:
        """Return how each stands, and until when it is open, or an empty text."""
        ...

    async def opened(self) -> list[OpenCircuit]:
        """Return those that are open, the oldest first."""
        ...


def circuits_of(
    breakers: Sequence[Breaker], facts: Facts, manifest: Manifest, arguments: Mapping[str, Json]
) -> list[Circuit]:
    """Return what an action runs on, as far as a breaker counts it. What deploys nowhere is in no environment."""
    found = []
    for breaker in breakers:
        subject = _subject(breaker.per, facts, manifest, arguments) if breaker.covers(manifest) else ""
        if subject:
            found.append(Circuit(breaker, subject))
    return found


def describe_circuits(
    circuits: Sequence[Circuit], states: Sequence[tuple[CircuitState, str]], manifest: Manifest
) -> list[Json]:
    """Return the fact `breakers`."""
    return [
        {
            "breaker": circuit.breaker.name,
            "per": str(circuit.breaker.per),
            "subject": circuit.subject,
            "state": str(state),
            "until": until or None,
            "holds": circuit.breaker.holds(manifest),
        }
        for circuit, (state, until) in zip(circuits, states, strict=True)
    ]


def refuse_open(facts: Facts) -> list[Finding]:
    """Return what open breakers refuse, and what nobody can tell of."""
    listed = facts.get("breakers", ())
    if not isinstance(listed, (list, tuple)):
        return [Finding(OPEN, "Whether a breaker is open is not known, so nothing is done.")]
    return [finding for entry in listed if (finding := _refusal(entry)) is not None]


def circuits_in(facts: Facts, breakers: Sequence[Breaker]) -> list[Circuit]:
    """Return the circuits that recorded facts speak of, as far as their breakers are still there."""
    listed = facts.get("breakers")
    by_name = {breaker.name: breaker for breaker in breakers}
    entries = [as_mapping(entry) for entry in listed] if isinstance(listed, (list, tuple)) else []
    return [
        Circuit(by_name[str(entry["breaker"])], str(entry["subject"]))
        for entry in entries
        if entry["breaker"] in by_name
    ]


def judge_outcome(status: str, value: Json) -> Verdict:
    """Return what a report says of its target."""
    if status == "succeeded":
        return "ok"
    cancelled = isinstance(value, Mapping) and value.get("why") == "cancelled"
    return "void" if cancelled else "failed"


def when_cooled(opened_at: datetime, breaker: Breaker) -> str:
    return iso(opened_at + breaker.cool_down)


def _refusal(entry: Json) -> Finding | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("holds"), bool):
        return Finding(OPEN, "Whether a breaker is open is not known, so nothing is done.")
    if not entry["holds"] or entry.get("state") in (CircuitState.CLOSED, CircuitState.COOLED):
        return None
    about = f"the {entry.get('per')} {entry.get('subject')}"
    if entry.get("state") == CircuitState.PROBING:
        return Finding(OPEN, f"One action tries whether {about} is well again. Wait for what becomes of it.")
    until = entry.get("until")
    return Finding(
        OPEN, f"Of {about} too much has failed ({entry.get('breaker')}), so it is left alone until {until}."
    )


def _subject(per: About, facts: Facts, manifest: Manifest, arguments: Mapping[str, Json]) -> str:
    if per is About.TOOL:
        return manifest.tool
    if per is About.SERVER:
        return manifest.tool.split(".")[1] if manifest.external else manifest.tool.partition(".")[0]
    if per is About.ENVIRONMENT:
        deployment = facts.get("deployment")
        return str(deployment.get("environment", "")) if isinstance(deployment, Mapping) else ""
    made = facts.get("provenance")
    return name_target(manifest, arguments, made if isinstance(made, Mapping) else None) or digest(arguments)
