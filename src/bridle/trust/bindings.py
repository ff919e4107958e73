"""Bindings: which policy set is asked where, and whether it decides yet.

Rules
  1. A set that is bound is asked at its events (`on`: action, save, run, step) about what lies in its scope: every key of it
     has to match, and a scope without keys is the whole account. What is not known of an action matches every pattern; where
     nothing is deployed, there is no environment. Who acts is everybody who acted with the token: nobody gets round a set that is
     bound to them by handing on what they may do, and what counts for somebody counts only where all of them are meant.
  2. What a bound set says only adds: its denials are denials, its questions are asked where something else allows or asks, and it
     allows nothing. So a further binding, or a wider scope, never lets anything through.
  3. A binding, or a rule of it, may be on trial (`log`): what it says is recorded as what it would have done. Where several
     bindings of one set meet an action, a rule is on trial only when it is in all of them; what is asked of everyone never is.
  4. A rule that reads a fact of the account (`input.account.NAME`) which the account does not supply asks, whatever it would have
     said: nobody can tell whether it holds. On trial, it would ask.

Pure. What a set says is found out by adapters.rego; the file that holds bindings is read there as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from bridle.core.canonical import Json
from bridle.trust.policy import Finding, PolicyAnswer, Would

MISSING = "policy.fact-missing"


SAVE, BEGIN_RUN, BEGIN_STEP, BEGIN_SESSION = (
    "pipeline.save",
    "pipeline.begin",
    "pipeline.step",
    "session.begin",
)
EVENTS: Mapping[str, str] = {SAVE: "save", BEGIN_RUN: "run", BEGIN_SESSION: "run", BEGIN_STEP: "step"}
"""The events that are actions of their own; every other action is `action`."""


class Mode(StrEnum):
    ENFORCE = "enforce"
    LOG = "log"


SCOPE: Mapping[str, tuple[str, ...]] = {
    "principal": ("principal", "id"),
    "agent": ("principal", "name"),
    "organisation": ("place", "organisations"),
    "project": ("place", "project"),
    "pipeline": ("place", "pipeline"),
    "tool": ("action", "tool"),
    "purpose": ("action", "purpose"),
    "environment": ("deployment", "environment"),
}
"""The keys of a scope, and the facts that they are matched with."""
WHO = ("principal", "agent")


@dataclass(frozen=True)
class Binding:
    """One set in one scope, at its events. `owner` is the name its modules begin with; `rules` are the modes of single rules."""

    owner: str
    scope: Mapping[str, str] = field(default_factory=dict)
    mode: Mode = Mode.ENFORCE
    rules: Mapping[str, Mode] = field(default_factory=dict)
    on: tuple[str, ...] = ("action",)

    def mode_of(self, rule: str) -> Mode:
        return self.rules.get(rule, self.mode)

    def to_json(self) -> dict[str, Json]:
        return {
            "set": self.owner,
            "scope": dict(sorted(self.scope.items())),
            "mode": str(self.mode),
            "rules": {name: str(mode) for name, mode in sorted(self.rules.items())},
            **({"on": list(self.on)} if self.on != ("action",) else {}),
        }


@dataclass(frozen=True)
class Speech:
    """One rule that can speak: which part it adds to, whose it is, what it reads of the account, whether it only warns."""

    part: str
    rule: str
    owner: str
    account: frozenset[str] = frozenset()
    warns: bool = False


def list_applicable(bindings: Sequence[Binding], facts: Mapping[str, Any]) -> list[Binding]:
    """Return the bindings whose event this is, and whose scope the facts lie in."""
    event = find_event(facts)
    return [one for one in bindings if event in one.on and lies_in(one.scope, facts, unknown=True)]


def find_event(facts: Mapping[str, Any]) -> str:
    """Return the event that facts are of: save, run, step or action."""
    action = facts.get("action")
    tool = action.get("tool") if isinstance(action, Mapping) else None
    return EVENTS.get(tool, "action") if isinstance(tool, str) else "action"


def list_events(bindings: Sequence[Binding]) -> frozenset[str]:
    """Return the actions that stand for events to which some set is bound."""
    return frozenset(tool for tool, event in EVENTS.items() if any(event in one.on for one in bindings))


def combine(
    answer: PolicyAnswer,
    *,
    applicable: Sequence[Binding],
    speeches: Sequence[Speech],
    supplied: Collection[str],
) -> PolicyAnswer:
    """Return what an answer comes to under the bindings that apply; all other sets that spoke are those asked of everyone."""
    owners = {speech.rule: speech.owner for speech in speeches}
    bound = {binding.owner for binding in applicable}
    trial = {rule for rule, owner in owners.items() if _on_trial(rule, owner, applicable)}
    missing = _missing(speeches, supplied)

    def deciding(findings: Sequence[Finding]) -> list[Finding]:
        return [finding for finding in findings if finding.rule not in trial]

    def of_everyone(findings: Sequence[Finding]) -> list[Finding]:
        return [finding for finding in findings if owners.get(finding.rule) not in bound]

    allow = of_everyone(answer.allow)
    asks = {*deciding(answer.ask), *(missing[rule] for rule in missing if rule not in trial)}
    possible = bool(allow or of_everyone(answer.ask))
    parts = {"deny": answer.deny, "ask": answer.ask, "warn": answer.warn}
    would = {
        *(
            Would(part, one.rule, one.reason)
            for part, said in parts.items()
            for one in said
            if one.rule in trial
        ),
        *(Would("ask", rule, finding.reason) for rule, finding in missing.items() if rule in trial),
    }
    return replace(
        answer,
        deny=tuple(deciding(answer.deny)),
        ask=tuple(sorted(asks)) if possible else (),
        allow=tuple(allow),
        warn=tuple(deciding(answer.warn)),
        would=tuple(sorted(would)),
    )


def _missing(speeches: Sequence[Speech], supplied: Collection[str]) -> dict[str, Finding]:
    """Return by rule what is to be asked because nobody supplies what it reads; an allowance without its fact allows nothing."""
    found = {}
    for speech in speeches:
        absent = sorted(speech.account - set(supplied))
        if absent and speech.part != "allow" and not speech.warns:
            names = ", ".join(f"account.{name}" for name in absent)
            reason = (
                f"{speech.rule} reads {names}, which nobody supplies, so nobody can tell whether it holds."
            )
            found[speech.rule] = Finding(MISSING, reason)
    return found


def _on_trial(rule: str, owner: str, applicable: Sequence[Binding]) -> bool:
    modes = {binding.mode_of(rule) for binding in applicable if binding.owner == owner}
    return modes == {Mode.LOG}


def lies_in(scope: Mapping[str, str], facts: Mapping[str, Any], *, unknown: bool) -> bool:
    """True when every key of the scope matches; `unknown` is said of what is not known."""
    return all(_matches(key, pattern, facts, unknown) for key, pattern in scope.items())


def _matches(key: str, pattern: str, facts: Mapping[str, Any], unknown: bool) -> bool:
    if key == "environment" and facts.get("deployment", facts) is None:
        return False
    if key in WHO:
        chain = [facts.get("principal"), *(facts.get("actors") or ())]
        found = [_fits(_at(one, SCOPE[key][1:]), pattern, unknown) for one in chain]
        return any(found) if unknown else all(found)
    return _fits(_at(facts, SCOPE[key]), pattern, unknown)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _fits(value: Any, pattern: str, unknown: bool) -> bool:
    if isinstance(value, (list, tuple)):  # a project may be of several organisations
        return any(fnmatchcase(str(one), pattern) for one in value)
    return fnmatchcase(value, pattern) if isinstance(value, str) else unknown
