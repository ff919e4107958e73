"""Explains an action long after it: who did it, by which version, on whose authority, by which rules, on which facts, and what
came of it.

Rules
  1. Everything said is read from journal records; what a record does not hold is not said.
  2. It is said as it was then: a principal that was retired since, a role that was taken away and a policy that was replaced
     are named as they were, and what became of them since stands beside it.
  3. What it rests on is verified while it is read: bytes, signatures and order (trust.trail), and that the records lie under a
     signed checkpoint. What does not verify, or cannot be verified, is listed, never left out.

Pure: `operating.lookup` finds the action and reads the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bridle.core.canonical import Json
from bridle.trust.journal import Kind, Record
from bridle.trust.verdicts import name_voter

REGISTRY = (Kind.PRINCIPAL_REGISTERED, Kind.PRINCIPAL_CHANGED, Kind.KEY_ROTATED)
BACKGROUND = (
    *REGISTRY,
    Kind.OVERRIDE_OPENED,
    Kind.OVERRIDE_CLOSED,
    Kind.DEPUTY_NAMED,
    Kind.DEPUTY_DISMISSED,
)  # what an action may rest on and is recorded elsewhere
REMOVALS = (Kind.HISTORY_REMOVED, Kind.VALUES_ERASED)


@dataclass(frozen=True)
class Found:
    """The records that an explanation is made from, each part in the journal's order.

    `stream` is the execution or session of the action, `above` those that it belongs to, the nearest first, `registry` what was
    recorded about principals, keys, overrides and deputies, `texts` the policy texts that were kept.
    """

    key: str
    stream: Sequence[Record]
    above: Sequence[Sequence[Record]] = ()
    registry: Sequence[Record] = ()
    texts: Sequence[Record] = ()

    @property
    def about(self) -> list[Record]:
        """The records about the action itself."""
        return [record for record in self.stream if record.subject == self.key]


def describe(found: Found) -> dict[str, Json]:
    """Return what the records say of one action. A part that there is nothing about is null or empty."""
    about = found.about
    decisions = [record for record in about if record.kind is Kind.DECIDED]
    last = decisions[-1]
    intent = _one(about, Kind.INTENDED)
    outcome = _one(about, Kind.OUTCOME)
    facts = _part(last.body["facts"])
    return {
        "action": _describe_action(last, facts),
        "actor": _describe_actor(found, last, facts),
        "made_by": _describe_maker(found, last, facts),
        "authority": _describe_authority(found, last, facts, intent),
        "case": facts.get("case"),
        "task": facts.get("task"),
        "instead": facts.get("instead"),
        "substitute": _describe_substitute(found),
        "decisions": [_describe_decision(record) for record in decisions],
        "policy": _describe_policy(found, last),
        "facts": facts,
        "origins": facts.get("origins"),
        "approvals": _describe_approvals(found, decisions),
        "intent": _describe_intent(intent),
        "outcome": _describe_outcome(outcome),
        "chain": _describe_chain(found),
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
        for part in value.values():
            yield from _record_ids(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _record_ids(part)


def _describe_action(decision: Record, facts: Mapping[str, Json]) -> dict[str, Json]:
    request = _part(decision.body["request"])
    return {
        "key": decision.subject,
        "digest": decision.body["action"],
        "tool": request["tool"],
        "arguments": request["arguments"],
        "redacted": "request" in decision.raw,
        "effect": _part(facts.get("action")).get("effect"),
        "purpose": request["purpose"],
        "step": _step(decision, facts),
        "at": decision.at,
        "record": decision.id,
    }


def _step(decision: Record, facts: Mapping[str, Json]) -> str:
    said = _part(facts.get("action")).get("step")
    return str(said or decision.subject.partition("/")[2].partition("#")[0])


def _describe_actor(found: Found, decision: Record, facts: Mapping[str, Json]) -> dict[str, Json]:
    principal = _part(facts.get("principal"))
    name = str(principal.get("id") or _part(decision.body["request"])["principal"])
    return _describe_principal(found, decision, name, principal)


def _describe_maker(found: Found, decision: Record, facts: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return the agent whose work the action ships, which may be another than who ships it."""
    made = _part(facts.get("provenance"))
    if not made.get("agent"):
        return None
    then: dict[str, Json] = {"digest": made.get("agent_digest"), "version": made.get("agent_version")}
    return _describe_principal(found, decision, str(made["agent"]), then)


def _describe_principal(
    found: Found, decision: Record, name: str, principal: Mapping[str, Json]
) -> dict[str, Json]:
    history = [record for record in found.registry if record.subject == name]
    before = [record for record in history if record.seq < decision.seq]
    return {
        "id": name,
        "then": principal or None,
        "registered": _describe_change(before[-1]) if before else None,
        "approved": _find_approval(before, str(principal.get("digest") or "")),
        "since": [_describe_change(record) for record in history if record.seq > decision.seq],
    }


def _describe_change(record: Record) -> dict[str, Json]:
    body = record.body
    changed = record.kind is Kind.PRINCIPAL_CHANGED
    after = _part(body["principal"]) if changed else body
    return {
        "change": body["change"] if changed else "registered",
        "state": after.get("state"),
        "version": after.get("version"),
        "digest": after.get("digest"),
        "by": _who(body) if changed else "",
        "comment": body.get("comment") or "",
        "at": record.at,
        "record": record.id,
    }


def _find_approval(before: Sequence[Record], version: str) -> dict[str, Json] | None:
    """Return who approved a version of an agent: the first change that left it approved; None when nobody did."""
    for record in before:
        approved = _part(record.body.get("principal")).get("approved")
        if version and isinstance(approved, (list, tuple)) and version in approved:
            return _describe_change(record)
    return None


def _who(body: Mapping[str, Json]) -> str:
    """Name who is behind a signed word: the account, and the name given where it is another."""
    by, name = str(body.get("by") or ""), str(body.get("name") or "")
    return by if not name or by.endswith(f":{name}") else f"{by}, as {name!r}"


def _describe_authority(
    found: Found, decision: Record, facts: Mapping[str, Json], intent: Record | None
) -> dict[str, Json]:
    return {
        "initiator": facts.get("initiator"),
        "scope": facts.get("scope"),
        "token": _describe_token(found, decision, facts, intent),
        "override": facts.get("override"),
        "boundary": facts.get("boundary"),
    }


def _describe_token(
    found: Found, decision: Record, facts: Mapping[str, Json], intent: Record | None
) -> dict[str, Json] | None:
    """The permit names the token; of what was not allowed, it is the last one made for that step and principal."""
    named = _part(_part(_part(intent.body)["permit"])["content"])["token"] if intent else ""
    step, principal = _step(decision, facts), _part(decision.body["request"])["principal"]
    minted = [record for record in found.stream if record.kind is Kind.TOKEN_MINTED]
    if named:
        fitting = [record for record in minted if record.subject == named]
    else:
        fitting = [
            record
            for record in minted
            if record.seq < decision.seq
            and (record.body.get("step"), record.body.get("principal")) == (step, principal)
        ]
    if not fitting:
        return None
    token = fitting[-1]
    return {"id": token.subject, **token.body, "at": token.at, "record": token.id}


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
    name = str(decision.body["policy"] or _part(_part(decision.body["facts"]).get("rests_on")).get("policy"))
    kept = next((record for record in found.texts if record.subject == name), None)
    return {
        "digest": name,
        "asked": bool(decision.body["policy"]),
        "text": {"record": kept.id, "at": kept.at} if kept else None,
    }


def _describe_approvals(found: Found, decisions: Sequence[Record]) -> list[Json]:
    action = decisions[-1].body["action"]
    asked = [
        record
        for record in found.stream
        if record.kind is Kind.APPROVAL_REQUESTED and record.body["action"] == action
    ]
    used = _part(_part(decisions[-1].body["facts"]).get("approval")).get("id")
    return [_describe_request(found, record, used=record.subject == used) for record in asked]


def _describe_request(found: Found, asked: Record, *, used: bool) -> dict[str, Json]:
    words = [
        record
        for record in found.stream
        if record.kind is Kind.APPROVAL_VERDICT and record.subject == asked.subject
    ]
    return {
        "id": asked.subject,
        "message": asked.body.get("message"),
        "terms": asked.body.get("terms"),
        "rests_on": asked.body.get("rests_on"),
        "at": asked.at,
        "expires_at": asked.body["expires_at"],
        "used": used,
        "words": [_describe_word(record) for record in words],
        "record": asked.id,
    }


def _describe_word(record: Record) -> dict[str, Json]:
    body = record.body
    person = _part(body.get("person"))
    return {
        "verdict": body["verdict"],
        "by": body["by"],
        "name": body["name"],
        "voter": name_voter(body),
        "asserted": body["asserted"],
        "own_key": person.get("key"),
        "groups": person.get("groups", []),
        "behalf": _part(_part(body.get("behalf")).get("person")).get("name"),
        "comment": body["comment"],
        "at": record.at,
        "record": record.id,
    }


def _signed(record: Record, name: str) -> dict[str, Json]:
    part = _part(record.body.get(name))
    content = _part(part.get("content"))
    return {
        "delegate": content.get("delegate"),
        "keyid": _part(part.get("signature")).get("keyid"),
        "sig": _part(part.get("signature")).get("sig"),
    }


def _describe_intent(record: Record | None) -> dict[str, Json] | None:
    return None if record is None else {"record": record.id, "at": record.at, **_signed(record, "permit")}


def _describe_outcome(record: Record | None) -> dict[str, Json] | None:
    if record is None:
        return None
    facts = _part(record.body["facts"])
    return {
        "status": record.body["status"],
        "value": record.body["value"],
        "facts": facts,
        "cost_usd": facts.get("cost_usd"),
        "reported": record.body.get("report") is not None,
        **_signed(record, "report"),
        "at": record.at,
        "record": record.id,
    }


def _describe_chain(found: Found) -> list[Json]:
    """What the action belongs to, from the nearest outwards: the execution or session, and what that belongs to."""
    return [_describe_stream(stream) for stream in (found.stream, *found.above) if stream]


def _describe_stream(stream: Sequence[Record]) -> dict[str, Json]:
    opened = _one(stream, Kind.SESSION_OPENED)
    if opened is not None:
        ended = _one(stream, Kind.SESSION_CLOSED)
        return {"session": opened.subject, **_begun(opened), **opened.body, **_ended(ended), **_costs(stream)}
    started = _one(stream, Kind.EXECUTION_STARTED)
    if started is None:
        return {"stream": stream[0].execution, "record": stream[0].id, "at": stream[0].at}
    ended = _one(stream, Kind.EXECUTION_ENDED)
    body = started.body
    options = _part(body.get("options"))
    return {
        "execution": started.execution,
        "pipeline": body.get("pipeline"),
        "plan": body.get("plan"),
        "templates": body.get("templates"),
        "inputs": body.get("inputs"),
        "initiator": body.get("initiator"),
        "trigger": options.get("trigger"),
        "parent": options.get("parent"),
        "path": options.get("path"),
        "rerun_of": options.get("rerun_of"),
        "project": options.get("project"),
        **_begun(started),
        **_ended(ended),
        **_costs(stream),
    }


def _begun(record: Record) -> dict[str, Json]:
    return {"at": record.at, "record": record.id}


def _ended(record: Record | None) -> dict[str, Json]:
    if record is None:
        return {"ended": None}
    return {"ended": {"at": record.at, "record": record.id, "state": record.body.get("state", "closed")}}


def _costs(stream: Sequence[Record]) -> dict[str, Json]:
    """What the stream's outcomes have cost together, by the delegate's reports."""
    spent = [_part(record.body["facts"]).get("cost_usd") for record in stream if record.kind is Kind.OUTCOME]
    return {"cost_usd": str(sum((Decimal(str(cost)) for cost in spent if cost), Decimal(0)))}


def _describe_removal(record: Record) -> dict[str, Json]:
    return {**record.body, "at": record.at, "record": record.id}


def _describe_substitute(found: Found) -> dict[str, Json] | None:
    """Return the call that stood in for this one, with what became of it; None when there is none."""
    for record in reversed(found.stream):
        instead = _part(_part(record.body.get("facts")).get("instead")) if record.kind is Kind.DECIDED else {}
        if instead.get("key") == found.key:
            about = [one for one in found.stream if one.subject == record.subject]
            ended = _one(about, Kind.OUTCOME)
            return {
                "key": record.subject,
                "tool": _part(record.body["request"])["tool"],
                "effect": record.body["effect"],
                "because": instead["because"],
                "status": ended.body["status"] if ended else None,
                "record": record.id,
            }
    return None


def _one(records: Sequence[Record], kind: Kind) -> Record | None:
    """Return the last record of a kind."""
    return next((record for record in reversed(records) if record.kind is kind), None)


def _part(value: Json) -> Mapping[str, Json]:
    """Return an object of a record, an empty one where an older record has none."""
    return value if isinstance(value, Mapping) else {}
