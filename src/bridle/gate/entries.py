"""Entries of manifests: what the owner of an MCP server says of its tools, one file per server.

    server: refunds                         # the server's name in the file of servers
    read_only: true                         # no tool of it is used that does more than read, whatever is said below
    tools:
      issue_refund:
        description: Pay money back for one order.
        effect: consequential               # read | reversible | consequential | destructive
        recovery: keyed                     # read | keyed | lookup | none
        key: idempotency_key                # the argument that carries the action's key; recovery keyed needs it
        once: [order_id, amount]            # what makes a call one piece of business: tried by one at a time, and done once
        business: refund                    # the same word in the entries of tools that do the same; one of them does it
        substitute: {tool: mcp.bank.pay_back, arguments: {order: order_id, sum: amount}}            # gate.rerouting
        lookup: {tool: find_refund, arguments: {key: idempotency_key}, found: refund.refund_id, after: 30s}   # gate.lookups
        obliges: {tool: mcp.accounts.credit, within: 15m, matching: [order_id]}     # what other call it makes due
        arguments: {required: […], properties: {…}}    # JSON Schema, closed; stricter than the server's, never wider
        control: {order_id: id, amount: amount}
        returns:
          registers: {refund.id: id, "orders[].email": {type: address, for: [outreach]}}
          records: {status: text}
        datasets: [customers]               # what data it reads or changes; rules read it (input.action.datasets)
        for: [refund, support]              # purposes it may be called for without a person; any when left out
        target: [order_id]                  # what names the place that it changes; the control arguments that name something
        domains: {receipt_to: [example.com, "*.example.org"]}  # hosts that an address or a url may have
        spend: {argument: amount, per_call: "200.00", per_session: "500.00", per_day: "1000.00"}
        risk: high                          # low | medium | high
        approvers:                          # whose word a question about it takes; anybody's if left out
          {groups: [finance], minimum: 2, escalation: {after_s: 14400, groups: [heads]}}
        compensation: {tool: mcp.refunds.void_refund, arguments: {…}}

A key that is not known, a kind, a path or a purpose that is none, an argument that the schema does not have: refused with its
place. How an entry is joined with what the server says is `gate.external`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import jsonschema

from bridle.core.canonical import Json
from bridle.gate.action import Purpose
from bridle.gate.entry_checks import check_entry, check_lookup, wrong_entry
from bridle.gate.manifest import (
    EXTERNAL,
    LONGEST_COMPLAINT,
    Compensation,
    Duty,
    Effect,
    Field,
    LookUp,
    Manifest,
    Recovery,
    Risk,
    Substitute,
    needs_of,
)
from bridle.gate.spending import AMOUNT, SpendRule
from bridle.pipeline.durations import parse_duration
from bridle.trust.quorum import Escalation, Terms

TYPES = ("id", "amount", "address", "account", "url", "name", "date", "text")
PATH = r"^[A-Za-z0-9_-]+(\[\])?(\.[A-Za-z0-9_-]+(\[\])?)*$"
_PURPOSES: Json = {"type": "array", "items": {"enum": [str(purpose) for purpose in Purpose]}}
DOMAIN = r"^(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+$"
DATASET = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
FOUND = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
LIMITS = ("per_call", "per_session", "per_day")
_FIELDS: Json = {
    "type": "object",
    "propertyNames": {"pattern": PATH},
    "additionalProperties": {
        "anyOf": [
            {"enum": list(TYPES)},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["type"],
                "properties": {
                    "type": {"enum": list(TYPES)},
                    "for": _PURPOSES,
                },
            },
        ]
    },
}
_NAMES: dict[str, Json] = {"type": "array", "items": {"type": "string"}}
_ENTRY: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["effect"],
    "properties": {
        "description": {"type": "string"},
        "effect": {"enum": [str(effect) for effect in Effect]},
        "recovery": {"enum": ["read", "keyed", "lookup", "none"]},
        "key": {"type": "string"},
        "once": {**_NAMES, "minItems": 1, "uniqueItems": True},
        "business": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,63}$"},
        "substitute": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tool", "arguments"],
            "properties": {
                "tool": {"type": "string", "pattern": f"^{EXTERNAL.pattern}$"},
                "arguments": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"type": "string"},
                },
                "refused": {"type": "boolean"},
            },
        },
        "obliges": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tool", "within", "matching"],
            "properties": {
                "tool": {"type": "string", "pattern": f"^{EXTERNAL.pattern}$"},
                "within": {"type": "string"},
                "matching": {**_NAMES, "minItems": 1, "uniqueItems": True},
            },
        },
        "lookup": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tool", "arguments", "found"],
            "properties": {
                "tool": {"type": "string"},
                "arguments": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"type": "string"},
                },
                "found": {"type": "string", "pattern": FOUND},
                "after": {"type": "string"},
            },
        },
        "arguments": {
            "type": "object",
            "properties": {"additionalProperties": {"const": False}, "properties": {"type": "object"}},
        },
        "control": {"type": "object", "additionalProperties": {"enum": list(TYPES)}},
        "returns": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"registers": _FIELDS, "records": _FIELDS},
        },
        "datasets": {"type": "array", "items": {"type": "string", "pattern": DATASET}, "uniqueItems": True},
        "for": _PURPOSES,
        "domains": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"pattern": DOMAIN}},
        },
        "spend": {
            "type": "object",
            "additionalProperties": False,
            "required": ["argument"],
            "properties": {
                "argument": {"type": "string"},
                **{name: {"type": "string", "pattern": f"^{AMOUNT.pattern}$"} for name in LIMITS},
            },
        },
        "target": _NAMES,
        "risk": {"enum": [str(risk) for risk in Risk]},
        "approvers": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                **dict.fromkeys(("users", "groups", "attributes"), _NAMES),
                "minimum": {"type": "integer", "minimum": 1},
                "escalation": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["after_s"],
                    "anyOf": [{"required": ["users"]}, {"required": ["groups"]}],
                    "properties": {
                        "after_s": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 86_399,
                        },  # a request at the door lives a day
                        **{name: {**_NAMES, "minItems": 1} for name in ("users", "groups")},
                    },
                },
            },
            "dependentSchemas": {
                "escalation": {"anyOf": [{"required": ["users"]}, {"required": ["groups"]}]}
            },
        },
        "compensation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tool", "arguments"],
            "properties": {
                "tool": {"type": "string", "pattern": f"^{EXTERNAL.pattern}$"},
                "arguments": {"type": "object"},
            },
        },
    },
}
SCHEMA: Mapping[str, Json] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Manifests of an MCP server's tools",
    "type": "object",
    "additionalProperties": False,
    "required": ["server", "tools"],
    "properties": {
        "server": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$"},
        "read_only": {"type": "boolean"},
        "tools": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,64}$"},
            "additionalProperties": _ENTRY,
        },
    },
}


def make_tools_schema() -> Mapping[str, Json]:
    """Return the JSON Schema of a file of manifests, as it is published."""
    return SCHEMA


@dataclass(frozen=True)
class Entries:
    """What an owner says of a server: its tools by their own names, and whether nothing but reading goes through."""

    tools: Mapping[str, Mapping[str, Any]]
    read_only: bool = False


def read_entries(content: Any, *, server: str, where: str) -> Entries:
    """Return the entries of a server's file; raise InputError that says where a fault is."""
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(content))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path)
        raise wrong_entry(error.message[:LONGEST_COMPLAINT], f"{where}: {place}" if place else where)
    if content["server"] != server:
        raise wrong_entry(f"this file is about the server {content['server']!r}, not {server!r}", where)
    for name, entry in content["tools"].items():
        check_entry(entry, tool=f"mcp.{server}.{name}", where=f"{where}: tools/{name}")
        check_lookup(entry, content["tools"], where=f"{where}: tools/{name}/lookup")
    tools = {str(name): dict(entry) for name, entry in content["tools"].items()}
    return Entries(tools, read_only=content.get("read_only", False))


def read_entry(tool: str, entry: Mapping[str, Any]) -> Manifest:
    returns, undo = entry.get("returns") or {}, entry.get("compensation")
    given = entry.get("arguments")
    arguments = {"type": "object", **given, "additionalProperties": False} if given else {}
    return Manifest(
        tool=tool,
        description="",
        effect=Effect(entry["effect"]),
        recovery=Recovery(entry.get("recovery", "none")),
        needs=needs_of(tool),
        arguments=arguments,
        target=tuple(entry.get("target", ())),
        compensation=Compensation(**undo) if undo else None,
        control=dict(entry.get("control") or {}),
        registers=_fields(returns.get("registers")),
        records=_fields(returns.get("records")),
        datasets=tuple(entry.get("datasets", ())),
        purposes=frozenset(entry.get("for", ())),
        risk=Risk(entry.get("risk", "high")),
        key=entry.get("key", ""),
        once=tuple(entry.get("once", ())),
        business=entry.get("business", ""),
        substitute=Substitute(**entry["substitute"]) if "substitute" in entry else None,
        lookup=_lookup(entry.get("lookup")),
        obliges=_duty(entry.get("obliges")),
        domains={name: tuple(hosts) for name, hosts in entry.get("domains", {}).items()},
        spend=_spend_rule(entry.get("spend")),
        approvers=_terms(entry.get("approvers")),
    )


def _terms(content: Mapping[str, Any] | None) -> Terms | None:
    """Return whose word a question about the tool takes."""
    if content is None:
        return None
    further = content.get("escalation")
    return Terms(
        minimum=content.get("minimum", 1),
        users=tuple(content.get("users", ())),
        groups=tuple(content.get("groups", ())),
        attributes=tuple(content.get("attributes", ())),
        escalation=Escalation.from_json(further) if further else None,
    )


def _duty(content: Mapping[str, Any] | None) -> Duty | None:
    within = parse_duration(content["within"]) if content else None
    if content is None or within is None:
        return None
    return Duty(content["tool"], within, tuple(content["matching"]))


def _lookup(content: Mapping[str, Any] | None) -> LookUp | None:
    if content is None:
        return None
    given = {name: content[name] for name in ("tool", "arguments", "found")}
    after = parse_duration(content["after"]) if "after" in content else None
    return LookUp(**given) if after is None else LookUp(**given, after_s=after)


def _spend_rule(content: Mapping[str, Any] | None) -> SpendRule | None:
    if content is None:
        return None
    limits = {name: Decimal(content[name]) for name in LIMITS if name in content}
    return SpendRule(content["argument"], **limits)


def _fields(content: Mapping[str, Any] | None) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for path, said in (content or {}).items():
        told = said if isinstance(said, Mapping) else {"type": said}
        found[str(path)] = Field(told["type"], frozenset(told.get("for", ())))
    return found
