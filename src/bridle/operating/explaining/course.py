"""Explains the course: what was sent and what came of it, and the work that the action belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bridle.core.canonical import Json
from bridle.operating.explaining.found import Found, find_last, part
from bridle.trust.journal import Kind, Record

PLAYED = "recorded"  # how a turn from a file is priced: listed, and not charged


def _signed(record: Record, name: str) -> dict[str, Json]:
    said = part(record.body.get(name))
    content, signature = part(said.get("content")), part(said.get("signature"))
    return {
        "delegate": content.get("delegate"),
        "keyid": signature.get("keyid"),
        "sig": signature.get("sig"),
    }


def describe_intent(record: Record | None) -> dict[str, Json] | None:
    """Return when it was begun, and the permit's signature."""
    return None if record is None else {"record": record.id, "at": record.at, **_signed(record, "permit")}


def describe_outcome(record: Record | None) -> dict[str, Json] | None:
    """Return what the delegate reported, or that nobody did."""
    if record is None:
        return None
    facts = part(record.body["facts"])
    return {
        "status": record.body["status"],
        "value": record.body["value"],
        "facts": facts,
        "cost_usd": facts.get("cost_usd"),
        "charged": facts.get("priced") != PLAYED,
        "reported": record.body.get("report") is not None,
        **_signed(record, "report"),
        "at": record.at,
        "record": record.id,
    }


def describe_chain(found: Found) -> list[Json]:
    """What the action belongs to, from the nearest outwards: the execution or session, and what that belongs to."""
    return [_describe_stream(stream) for stream in (found.stream, *found.above) if stream]


def _describe_stream(stream: Sequence[Record]) -> dict[str, Json]:
    opened = find_last(stream, Kind.SESSION_OPENED)
    if opened is not None:
        ended = find_last(stream, Kind.SESSION_CLOSED)
        return {"session": opened.subject, **_begun(opened), **opened.body, **_ended(ended), **_costs(stream)}
    started = find_last(stream, Kind.EXECUTION_STARTED)
    if started is None:
        return {"stream": stream[0].execution, "record": stream[0].id, "at": stream[0].at}
    ended = find_last(stream, Kind.EXECUTION_ENDED)
    body = started.body
    options = part(body.get("options"))
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
    """What the stream's outcomes have cost together at list price, by the delegate's reports, and what of that was charged."""
    reports = [part(record.body["facts"]) for record in stream if record.kind is Kind.OUTCOME]
    charged = [facts for facts in reports if facts.get("priced") != PLAYED]
    return {"cost_usd": _sum_up(reports), "charged_usd": _sum_up(charged)}


def _sum_up(reports: Iterable[Mapping[str, Json]]) -> str:
    return str(sum((Decimal(str(facts.get("cost_usd") or 0)) for facts in reports), Decimal(0)))
