"""A case type: the states a case may be in, what may be done in each, and who may move it from one to the next.

Rules
  1. A state covers a tool for a purpose when the purpose is one of its own, and the tool, or its effect, is named there. What a
     state does not cover asks a person, or is denied where the state says so.
  2. Who may make a transition is named: `user:`, `service:`, `agent:`, `group:`, `role:`, or `anyone` who holds the permission.
     Where nobody is named to place a hold, anyone may; where nobody is named to release one, or to resolve an exception,
     anyone but an agent may.
  3. A transition widens an agent's rights when, for any purpose, its target lets a tool that the agent holds do more than the
     present state does: what is denied is asked about, or what is asked about is covered. No agent makes such a transition,
     whoever is named: a person or another system does.
  4. The digest covers all of it. A case keeps the type that it was opened with, whatever the file says later.

Pure. The file is read by `cases.reading`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from bridle.core.canonical import Json, digest
from bridle.gate.action import Purpose
from bridle.gate.manifest import Effect

ANYONE = "anyone"
OTHERWISE = ("ask", "deny")  # the first where nothing is said
GOVERNED = frozenset({Effect.CONSEQUENTIAL, Effect.DESTRUCTIVE})


@dataclass(frozen=True)
class StateRule:
    """One state: what may be done in it, and when it is overdue. `due_s` is None for one that never is."""

    purposes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    otherwise: str = "ask"
    due_s: int | None = None
    escalate: tuple[str, ...] = ()
    final: bool = False
    description: str = ""

    def covers(self, tool: str, effect: str, purpose: str) -> bool:
        """True when the state covers this tool, of this effect, for this purpose."""
        named = effect in self.effects or any(_matches(pattern, tool) for pattern in self.tools)
        return named and purpose in self.purposes

    def width(self, tool: str, effect: str, purpose: str) -> int:
        """Return how far the state lets a tool go: 0 it is denied, 1 it is asked about, 2 it is covered."""
        return 2 if self.covers(tool, effect, purpose) else int(self.otherwise == OTHERWISE[0])


@dataclass(frozen=True)
class ApprovalRule:
    """Whose approval a transition takes. With `four_eyes` it is not that of whoever makes the transition."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    minimum: int = 1
    four_eyes: bool = False


@dataclass(frozen=True)
class Transition:
    """A way from one state to another. `conditions` are decisions of the case, by name, and what they have to be."""

    source: str
    target: str
    by: tuple[str, ...]
    conditions: Mapping[str, str] = field(default_factory=dict)
    approval: ApprovalRule | None = None


@dataclass(frozen=True)
class DecisionRule:
    """A decision that cases of the type hold: what it can be, and who may take it."""

    values: tuple[str, ...]
    by: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True)
class CaseType:
    """A case type. `hold`, `release` and `resolve` name who may do that; empty is rule 2."""

    name: str
    version: str
    owner: str
    initial: str
    states: Mapping[str, StateRule]
    transitions: tuple[Transition, ...]
    decisions: Mapping[str, DecisionRule] = field(default_factory=dict)
    hold: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    resolve: tuple[str, ...] = ()
    description: str = ""

    @cached_property
    def digest(self) -> str:
        return digest(self.to_json())

    def find(self, source: str, target: str) -> Transition | None:
        """Return the way from one state to another, or None."""
        return next((one for one in self.transitions if (one.source, one.target) == (source, target)), None)

    def widens(self, source: str, target: str, tools: Mapping[str, str]) -> tuple[str, ...]:
        """Return which of `tools`, by name with their effects, the target lets go further for some purpose than the source."""
        here, there = self.states[source], self.states[target]
        return tuple(
            sorted(
                tool
                for tool, effect in tools.items()
                if any(
                    there.width(tool, effect, purpose) > here.width(tool, effect, purpose)
                    for purpose in map(str, Purpose)
                )
            )
        )

    def to_json(self) -> dict[str, Json]:
        """Return the normal form, which the digest covers and the case's first record keeps."""
        return {
            "name": self.name,
            "version": self.version,
            "owner": self.owner,
            "description": self.description,
            "initial": self.initial,
            "states": {name: _plain(asdict(state)) for name, state in sorted(self.states.items())},
            "transitions": [_plain(asdict(one)) for one in self.transitions],
            "decisions": {name: _plain(asdict(rule)) for name, rule in sorted(self.decisions.items())},
            "hold": list(self.hold),
            "release": list(self.release),
            "resolve": list(self.resolve),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CaseType:
        """Read what `to_json` wrote."""
        states = {name: StateRule(**_frozen(state)) for name, state in content["states"].items()}
        ways = tuple(_transition(one) for one in content["transitions"])
        decisions = {name: DecisionRule(**_frozen(rule)) for name, rule in content["decisions"].items()}
        told: dict[str, Any] = {name: tuple(content[name]) for name in ("hold", "release", "resolve")}
        told |= {name: content[name] for name in ("name", "version", "owner", "description", "initial")}
        return cls(**told, states=states, transitions=ways, decisions=decisions)


def is_governed(tool: str, effect: str, *, external: bool) -> bool:
    """True for what a state has a say in: every tool of a server, and whatever lasts. A case's own tools are not."""
    return not tool.startswith("case.") and (external or effect in GOVERNED or not effect)


def is_named(named: Iterable[str], principal: str, names: Iterable[str]) -> bool:
    """True when one of `named` is the principal, a group or a role of theirs, or anyone."""
    return bool({ANYONE, principal, *names} & set(named))


def _matches(pattern: str, tool: str) -> bool:
    return pattern == tool or (pattern.endswith("*") and tool.startswith(pattern[:-1]))


def _transition(content: Mapping[str, Any]) -> Transition:
    approval = content["approval"]
    return Transition(
        source=content["source"],
        target=content["target"],
        by=tuple(content["by"]),
        conditions=dict(content["conditions"]),
        approval=ApprovalRule(**_frozen(approval)) if approval else None,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _frozen(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
