"""Explains an action long after it: who did it, by which version, on whose authority, by which rules, on which facts, and what
came of it.

Rules
  1. Everything said is read from journal records; what a record does not hold is not said.
  2. It is said as it was then: a principal that was retired since, a role that was taken away and a policy that was replaced
     are named as they were, and what became of them since stands beside it.
  3. What it rests on is verified while it is read: bytes, signatures and order (trust.trail), and that the records lie under a
     signed checkpoint. What does not verify, or cannot be verified, is listed, never left out.

Pure: `operating.explaining.lookup` finds the action and reads the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bridle.core.canonical import Json
from bridle.operating.explaining.actors import (
    describe_actor,
    describe_approvals,
    describe_authority,
    describe_maker,
)
from bridle.operating.explaining.course import describe_chain, describe_intent, describe_outcome
from bridle.operating.explaining.found import REMOVALS, Found, find_last, part, step_of
from bridle.trust.journal import Kind, Record


def describe(found: Found) -> dict[str, Json]:
    """Return what the records say of one action. A part that there is nothing about is null or empty."""
    about = found.about
    decisions = [record for record in about if record.kind is Kind.DECIDED]
    last = decisions[-1]
    intent = find_last(about, Kind.INTENDED)
    outcome = find_last(about, Kind.OUTCOME)
    facts = part(last.body["facts"])
    return {
        "action": _describe_action(last, facts),
        "actor": describe_actor(found, last, facts),
        "made_by": describe_maker(found, last, facts),
        "authority": describe_authority(found, last, facts, intent),
        "case": facts.get("case"),
        "task": facts.get("task"),
        "instead": facts.get("instead"),
        "substitute": _describe_substitute(found),
        "decisions": [_describe_decision(record) for record in decisions],
        "policy": _describe_policy(found, last),
        "facts": facts,
        "origins": facts.get("origins"),
        "approvals": describe_approvals(found, decisions),
        "intent": describe_intent(intent),
        "outcome": describe_outcome(outcome),
        "chain": describe_chain(found),
        "removed": [_describe_removal(record) for record in found.stream if record.kind in REMOVALS],
    }


def records_of(found: Found, explanation: Mapping[str, Json]) -> list[Record]:
    """Return the records that the explanation names, once each, in order: those that a verification has to cover."""
    named = set(_record_ids(explanation))
    streams = (found.stream, *found.above, found.registry, found.texts)
    known = {record.seq: record for stream in streams for record in stream if record.id in named}
    return [known[seq] for seq in sorted(known)]


def _record_ids(value: Json) -> Iterable[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("record"), str):
            yield str(value["record"])
        for item in value.values():
            yield from _record_ids(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _record_ids(item)


def _describe_action(decision: Record, facts: Mapping[str, Json]) -> dict[str, Json]:
    request = part(decision.body["request"])
    return {
        "key": decision.subject,
        "digest": decision.body["action"],
        "tool": request["tool"],
        "arguments": request["arguments"],
        "redacted": "request" in decision.raw,
        "effect": part(facts.get("action")).get("effect"),
        "purpose": request["purpose"],
        "step": step_of(decision, facts),
        "at": decision.at,
        "record": decision.id,
    }


def _describe_decision(record: Record) -> dict[str, Json]:
    body = record.body
    return {
        "effect": body["effect"],
        "rules": body["rules"],
        "warnings": body.get("warnings", []),
        "would": body.get("would", []),
        "policy": body["policy"],
        "at": record.at,
        "record": record.id,
    }


def _describe_policy(found: Found, decision: Record) -> dict[str, Json]:
    name = str(decision.body["policy"] or part(part(decision.body["facts"]).get("rests_on")).get("policy"))
    kept = next((record for record in found.texts if record.subject == name), None)
    return {
        "digest": name,
        "asked": bool(decision.body["policy"]),
        "text": {"record": kept.id, "at": kept.at} if kept else None,
    }


def _describe_removal(record: Record) -> dict[str, Json]:
    return {**record.body, "at": record.at, "record": record.id}


def _describe_substitute(found: Found) -> dict[str, Json] | None:
    """Return the call that stood in for this one, with what became of it; None when there is none."""
    for record in reversed(found.stream):
        instead = part(part(record.body.get("facts")).get("instead")) if record.kind is Kind.DECIDED else {}
        if instead.get("key") == found.key:
            about = [one for one in found.stream if one.subject == record.subject]
            ended = find_last(about, Kind.OUTCOME)
            return {
                "key": record.subject,
                "tool": part(record.body["request"])["tool"],
                "effect": record.body["effect"],
                "because": instead["because"],
                "status": ended.body["status"] if ended else None,
                "record": record.id,
            }
    return None
