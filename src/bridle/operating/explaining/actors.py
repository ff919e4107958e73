"""Explains who: who did it and whose work it ships, on whose authority, and what people said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json
from bridle.operating.explaining.found import Found, part, step_of
from bridle.trust.journal import Kind, Record
from bridle.trust.verdicts import name_voter


def describe_actor(found: Found, decision: Record, facts: Mapping[str, Json]) -> dict[str, Json]:
    """Return who did it, as they were then, and what became of them since."""
    principal = part(facts.get("principal"))
    name = str(principal.get("id") or part(decision.body["request"])["principal"])
    return _describe_principal(found, decision, name, principal)


def describe_maker(found: Found, decision: Record, facts: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return the agent whose work the action ships, which may be another than who ships it."""
    made = part(facts.get("provenance"))
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
    after = part(body["principal"]) if changed else body
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
        approved = part(record.body.get("principal")).get("approved")
        if version and isinstance(approved, (list, tuple)) and version in approved:
            return _describe_change(record)
    return None


def _who(body: Mapping[str, Json]) -> str:
    """Name who is behind a signed word: the account, and the name given where it is another."""
    by, name = str(body.get("by") or ""), str(body.get("name") or "")
    return by if not name or by.endswith(f":{name}") else f"{by}, as {name!r}"


def describe_authority(
    found: Found, decision: Record, facts: Mapping[str, Json], intent: Record | None
) -> dict[str, Json]:
    """Return on whose authority: who started it, and what the token allowed."""
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
    named = part(part(part(intent.body)["permit"])["content"])["token"] if intent else ""
    step, principal = step_of(decision, facts), part(decision.body["request"])["principal"]
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


def describe_approvals(found: Found, decisions: Sequence[Record]) -> list[Json]:
    """Return what people were asked about it, and each word that was given."""
    action = decisions[-1].body["action"]
    asked = [
        record
        for record in found.stream
        if record.kind is Kind.APPROVAL_REQUESTED and record.body["action"] == action
    ]
    used = part(part(decisions[-1].body["facts"]).get("approval")).get("id")
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
    person = part(body.get("person"))
    return {
        "verdict": body["verdict"],
        "by": body["by"],
        "name": body["name"],
        "voter": name_voter(body),
        "asserted": body["asserted"],
        "own_key": person.get("key"),
        "groups": person.get("groups", []),
        "behalf": part(part(body.get("behalf")).get("person")).get("name"),
        "comment": body["comment"],
        "at": record.at,
        "record": record.id,
    }
