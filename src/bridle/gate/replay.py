"""Replay: what recorded decisions would have been under another policy set. Nothing is done, nothing is recorded.

Rules
  1. A decision is weighed anew on the facts that it was made on. What a boundary in code refused stays refused.
  2. An approval was given under the set of then; here it counts as if it had been given under the new one, so that what
     differs is what the rules say.
  3. What was decided by a person's refusal, or by nobody in time, is no set's work and is left out, with its reason. So is a
     decision whose facts the journal does not hold whole.
  4. Where redaction changed the arguments, the raw ones are read while the working store still has them; else the redacted ones
     are judged, and the decision is said to be `redacted`.

Pure: who reads the journal and asks the engine hands both in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridle.core.canonical import Json
from bridle.gate.decision import Decision, weigh
from bridle.trust.journal import Record
from bridle.trust.policy import PolicyAnswer, PolicyError

BY_PEOPLE = ("approval.refused", "approval.expired", "approval.forged")


@dataclass(frozen=True)
class Past:
    """A recorded decision: what it was about, the facts it was made on, and what it came to. `by_boundary` when code refused."""

    key: str
    execution: str
    at: str
    tool: str
    principal: str
    facts: Mapping[str, Any]
    effect: str
    rules: tuple[str, ...]
    by_boundary: bool
    redacted: bool


@dataclass(frozen=True)
class Change:
    """A decision that comes out differently."""

    past: Past
    effect: str
    rules: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "action": self.past.key,
            "execution": self.past.execution,
            "at": self.past.at,
            "tool": self.past.tool,
            "principal": self.past.principal,
            "was": {"effect": self.past.effect, "rules": list(self.past.rules)},
            "now": {"effect": self.effect, "rules": list(self.rules)},
            "redacted": self.past.redacted,
        }


def read_past(record: Record, raw: bytes | None) -> Past | str:
    """Return the decision of a record, or why it is left out. `raw` is the request before redaction, if it is still there."""
    body = record.body
    rules = tuple(str(rule["rule"]) for rule in _items(body["rules"]))
    if any(rule in BY_PEOPLE for rule in rules):
        return "decided by people"
    request: Any = json.loads(raw) if raw is not None else body["request"]
    facts = body["facts"]
    about = facts.get("action") if isinstance(facts, Mapping) else None
    if not isinstance(facts, Mapping) or not isinstance(about, Mapping):
        return "facts not whole"
    asked = {name: request[name] for name in ("tool", "arguments", "purpose")}
    return Past(
        key=str(request["key"]),
        execution=record.execution,
        at=record.at,
        tool=str(request["tool"]),
        principal=str(request["principal"]),
        facts={**facts, "action": {**about, **asked, "digest": body["action"]}},
        effect=str(body["effect"]),
        rules=rules,
        by_boundary=body["effect"] == "deny" and not body["policy"] and "policy.no-answer" not in rules,
        redacted=raw is None and bool(record.raw),
    )


def under(facts: Mapping[str, Any], policy: str) -> dict[str, Any]:
    """Return the facts as if approvals had been given under this policy: rule 2."""
    rests_on = facts.get("rests_on")
    then = rests_on.get("policy") if isinstance(rests_on, Mapping) else None
    changed = {**facts, "rests_on": _moved(rests_on, then, policy)}
    approval = facts.get("approval")
    if isinstance(approval, Mapping):
        changed["approval"] = {**approval, "rests_on": _moved(approval.get("rests_on"), then, policy)}
    return changed


def compare(past: Past, facts: Mapping[str, Any], answer: PolicyAnswer | PolicyError) -> Change | None:
    """Return how the decision comes out differently; None when it is the same. `facts` are those that were asked about."""
    if past.by_boundary:
        return None
    decision: Decision = weigh(facts, answer)
    if decision.effect == past.effect:
        return None
    return Change(past, decision.effect, tuple(finding.rule for finding in decision.findings))


def _moved(rests_on: Any, then: Any, policy: str) -> Any:
    return (
        {**rests_on, "policy": policy}
        if isinstance(rests_on, Mapping) and rests_on.get("policy") == then
        else rests_on
    )


def _items(value: Any) -> list[Mapping[str, Any]]:
    assert isinstance(value, list)
    return value
