"""The journal in the forms that other programs take in: CloudEvents 1.0 and OCSF 1.6, one event for each record.

Both carry the record's id, number and hash, so that whoever doubts an event finds the record it was made from and verifies that:
an event proves nothing by itself. Pure.

    CloudEvents   type is `bridle.` and the record's kind, subject the record's, data its body
    OCSF          API Activity (6003) with the profile security_control for what the gate says and the delegate does, Account
                  Change (3001) for principals; what has no attribute there is in `unmapped`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridle.core.canonical import Json
from bridle.core.clock import from_iso
from bridle.trust.journal import Kind, Record

SOURCE = "urn:bridle:journal"
OCSF_VERSION = "1.6.0"
API_ACTIVITY, ACCOUNT_CHANGE = 6003, 3001
OTHER = 99
PRINCIPALS = (Kind.PRINCIPAL_REGISTERED, Kind.PRINCIPAL_CHANGED)
CHANGES = {"add": 1, "activate": 2, "suspend": 5, "retire": 6}  # OCSF: create, enable, disable, delete
ALLOWED = {"allow": (1, 1), "deny": (2, 2), "ask": (OTHER, OTHER)}  # OCSF: action and disposition
STATUS = {"succeeded": 1, "failed": 2, "unknown": 0}
USER_TYPES = {"user": 1, "service": 4, "agent": 4, "delegate": 3}  # OCSF: user, service, system


def to_cloudevent(record: Record) -> dict[str, Json]:
    """Return a record as a CloudEvent in its JSON format."""
    return {
        "specversion": "1.0",
        "id": record.id,
        "source": SOURCE,
        "type": f"bridle.{record.kind}",
        **({"subject": record.subject} if record.subject else {}),  # the specification takes no empty one
        "time": record.at,
        "datacontenttype": "application/json",
        "sequence": f"{record.seq:020d}",
        "bridleexecution": record.execution,
        "bridlehash": record.hash,
        "data": dict(record.body),
    }


def to_ocsf(record: Record) -> dict[str, Json]:
    """Return a record as an OCSF event."""
    account = record.kind in PRINCIPALS
    kind = ACCOUNT_CHANGE if account else API_ACTIVITY
    activity = CHANGES.get(str(record.body.get("change")), OTHER) if account else OTHER
    event: dict[str, Json] = {
        "class_uid": kind,
        "category_uid": kind // 1000,
        "activity_id": activity,
        "activity_name": str(record.kind),
        "type_uid": kind * 100 + activity,
        "severity_id": 3 if record.body.get("effect") == "deny" else 1,
        "time": int(from_iso(record.at).timestamp() * 1000),
        "message": f"{record.kind} {record.subject}",
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Bridle", "vendor_name": "Bridle"},
            "uid": record.id,
            "event_code": str(record.kind),
            "sequence": record.seq,
            "original_time": record.at,
            "log_name": "journal",
            "correlation_uid": record.execution,
            "profiles": ["security_control"],
        },
        "actor": {"user": _user(_principal(record))},
        "unmapped": {"subject": record.subject, "hash": record.hash, "body": dict(record.body)},
    }
    return event | (_account(record) if account else _api(record))


def _account(record: Record) -> dict[str, Json]:
    return {"user": _user(record.subject)}


def _api(record: Record) -> dict[str, Json]:
    body = record.body
    said: dict[str, Json] = {
        "api": {"operation": _tool(record), "service": {"name": "bridle"}},
        "src_endpoint": {"name": record.execution or "bridle"},
    }
    effect, status = body.get("effect"), body.get("status")
    if record.kind is Kind.DECIDED and effect in ALLOWED:
        action, disposition = ALLOWED[str(effect)]
        rules = body.get("rules")
        first = rules[0] if isinstance(rules, (list, tuple)) and rules else {}
        said |= {
            "action_id": action,
            "disposition_id": disposition,
            "action": str(effect),
            "status_detail": str(first.get("reason", "")) if isinstance(first, Mapping) else "",
            "policy": {"uid": str(body.get("policy") or ""), "name": str(_of(first, "rule"))},
        }
    if record.kind is Kind.OUTCOME:
        said |= {"status_id": STATUS.get(str(status), OTHER), "status": str(status)}
    return said


def _tool(record: Record) -> str:
    request = record.body.get("request")
    named = record.body.get("tool") or _of(request, "tool")
    return str(named or record.kind)


def _principal(record: Record) -> str:
    body = record.body
    named = body.get("principal") if isinstance(body.get("principal"), str) else None
    return str(
        body.get("by")
        or named
        or _of(body.get("request"), "principal")
        or body.get("initiator")
        or "service:bridle"
    )


def _user(principal: str) -> dict[str, Json]:
    kind, _, name = principal.partition(":")
    return {"uid": principal, "name": name or principal, "type_id": USER_TYPES.get(kind, OTHER)}


def _of(value: Json, name: str) -> Json:
    return value.get(name, "") if isinstance(value, Mapping) else ""


FEEDS: Mapping[str, Callable[[Record], dict[str, Json]]] = {"cloudevents": to_cloudevent, "ocsf": to_ocsf}
