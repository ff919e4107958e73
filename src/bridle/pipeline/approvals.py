"""The four spellings of an approval to one body.

Rules
  1. Only people of this installation approve (`uses: harness`); other systems are refused until they are connected, and a service
     account is refused for good: nothing that could be a program's word approves an action. A script's word is `criteria`.
  2. It waits a day unless told otherwise, at most 53 weeks, or until its `deadline`, whichever comes first.
  3. `self-approval: false`, `block-executor: true` and `disallowPipelineExecutor: true` say the same thing.
  4. `for: <stage>.<step>` is Bridle's own: the tool step whose action is what people approve. So is `attributes`: what every
     approver has to hold.
  5. `escalation` is Bridle's own as well: who may answer besides, once it has waited `after`. It is for an approval that says who
     may answer, and begins before the approval expires.
  6. `auto-approve` is for what guards no action and needs one word; it holds at the deadline, more than 15 minutes ahead.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.pipeline.approver_inputs import read_approver_inputs
from bridle.pipeline.dates import find_zone, parse_moment
from bridle.pipeline.durations import LONGEST_S
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.nodes import Mapping as MappingNode
from bridle.pipeline.vocabulary import (
    APPROVAL_WITH,
    APPROVERS,
    AUTO_APPROVAL,
    ESCALATION,
    SCHEDULED_DEADLINE,
    Noun,
)

DEFAULT_TIMEOUT_S = 86_400
LEAD_S = 900  # a default that holds sooner would leave people no time to refuse
_UNCONNECTED = ("jira", "servicenow")


def read_approval(body: Fields) -> dict[str, Json]:
    """Return `{"uses": "harness", "with": {…}}`, the inner keys as `plan` lists them."""
    _check_uses(body)
    node = body.get("with")
    details = open_fields(node, APPROVAL_WITH, findings=body.findings) if node is not None else None
    if details is None:
        hint = "add with: {message: …}"
        body.refuse("an approval needs 'with'", reason="missing-key:with", hint=hint)
        return {"uses": "harness", "with": {}}
    return {"uses": "harness", "with": _read_details(details)}


def _check_uses(body: Fields) -> None:
    uses = body.text("uses", "harness")
    if body.has("run"):
        hint = "write uses: custom, or take run: out"
        body.refuse("people's approval runs no script", reason="approval-with-run", hint=hint)
    if uses in _UNCONNECTED:
        body.refuse(f"{uses} is not connected", reason=f"no-connector:{uses}", hint="use uses: harness")
    elif uses != "harness":
        body.refuse(f"{uses[:80]!r} is no kind of approval", reason="bad-uses", hint="use uses: harness")


def _read_details(details: Fields) -> dict[str, Json]:
    approvers = _open(details, "approvers", APPROVERS)
    auto, comment, deadline = _read_default(details)
    found: dict[str, Json] = {
        "message": details.required_text("message"),
        "for": details.text("for") or None,
        "groups": [*details.texts("groups"), *approvers.texts("groups")],
        "users": [*details.texts("users"), *approvers.texts("users")],
        "attributes": [*details.texts("attributes"), *approvers.texts("attributes")],
        "timeout_s": details.duration_s("timeout", default=LONGEST_S if deadline else DEFAULT_TIMEOUT_S),
        "deadline": deadline,
        "min_count": max(details.count("min-count", default=1), approvers.count("minimum", default=1)),
        "block_executor": _blocks_executor(details, approvers),
        "inputs": read_approver_inputs(details),
        "auto_approve": auto,
        "auto_reject": details.flag("auto-reject", default=False),
        "comments": comment,
    }
    found.update(_read_escalation(details, found))
    _check_approvers(details, approvers, found)
    if auto:
        _check_default(details, found)
    return found


def _open(details: Fields, key: str, noun: Noun) -> Fields:
    """Return the fields of a mapping below `key`; without any when it is not there."""
    node = details.get(key)
    found = open_fields(node, noun, findings=details.findings) if node is not None else None
    return found or Fields(noun, details.place, {}, details.findings)


def _read_escalation(details: Fields, found: Mapping[str, Json]) -> dict[str, Json]:
    """Return who may answer besides, and from when on; nothing where the author does not say."""
    if details.get("escalation") is None:
        return {}
    fields = _open(details, "escalation", ESCALATION)
    further: dict[str, Json] = {
        "after_s": fields.duration_s("after", default=0),
        "users": [*fields.texts("users")],
        "groups": [*fields.texts("groups")],
    }
    after_s, timeout_s = further["after_s"], found["timeout_s"]
    assert isinstance(after_s, int)
    assert isinstance(timeout_s, int)
    wrong = ""
    if not 0 < after_s < timeout_s:
        wrong = "an escalation begins after the request and before it expires: write after: 4h, or a longer timeout"
    elif not (further["users"] or further["groups"]):
        wrong = "an escalation names users or groups who may answer besides"
    elif not (found["users"] or found["groups"]):
        wrong = "anybody may answer this already: name its groups or users, or take the escalation out"
    if wrong:
        fields.refuse(wrong, reason="bad-escalation", hint="escalation: {after: 4h, groups: [leads]}")
    return {"escalation": further}


def _read_default(details: Fields) -> tuple[bool, str, str | None]:
    """Return whether it is approved by default, the comment of that, and the deadline."""
    if not isinstance(details.get("auto-approve"), MappingNode):
        return (
            details.flag("auto-approve", default=False),
            details.text("comments"),
            _read_deadline(details, "deadline"),
        )
    auto = _open(details, "auto-approve", AUTO_APPROVAL)
    if auto.text("action", "APPROVE").upper() != "APPROVE":
        auto.refuse(
            "the only default is to approve", reason="bad-default-action", hint="write action: APPROVE"
        )
    deadline = _read_deadline(_open(auto, "scheduled-deadline", SCHEDULED_DEADLINE), "time")
    return True, auto.text("comments") or details.text("comments"), deadline


def _read_deadline(fields: Fields, key: str) -> str | None:
    zone_node, node = fields.get("timezone"), fields.get(key)
    zone = find_zone(fields.text("timezone")) if zone_node is not None else None
    if zone_node is not None and zone is None:
        hint = "write a name such as Europe/Rome or UTC"
        fields.refuse(
            f"{fields.text('timezone')[:80]!r} is no time zone",
            reason="unknown-timezone",
            hint=hint,
            at=zone_node.place,
        )
        return None
    if node is None:
        return None
    moment = parse_moment(fields.text(key), zone)
    if moment is None:
        fields.refuse(
            f"{fields.text(key)[:80]!r} is no moment that exists",
            reason="bad-date",
            hint="write a day and an hour that the calendar has, such as 2026-03-01 10:00, and its timezone",
            at=node.place,
        )
    return moment


def _blocks_executor(details: Fields, approvers: Fields) -> bool:
    """True when any of the spellings asks for it: the stricter one wins."""
    return (
        details.flag("block-executor", default=False)
        or approvers.flag("block-executor", default=False)
        or not details.flag("self-approval", default=True)
    )


def _check_approvers(details: Fields, approvers: Fields, found: dict[str, Json]) -> None:
    for fields in (details, approvers):
        if fields.texts("service-accounts"):
            fields.refuse(
                "a service account can never approve: an approval is the word of a person",
                reason="service-account-approves",
                hint="name users or groups of people",
            )
    users, count = found["users"], found["min_count"]
    assert isinstance(users, list)
    assert isinstance(count, int)
    if users and not found["groups"] and count > len(set(users)):
        hint = "name more people, or a group"
        details.refuse(f"{len(set(users))} named, and {count} needed", reason="too-few-approvers", hint=hint)


def _check_default(details: Fields, found: dict[str, Json]) -> None:
    """What nobody has looked at may let a pipeline go on; it may not let anything be done."""
    if found["for"]:
        details.refuse(
            "an approval of an action is never given by default",
            reason="auto-approve-guards-action",
            hint="remove auto-approve, or remove 'for'",
        )
    if found["min_count"] != 1:
        details.refuse(
            "what needs several people is never approved by default",
            reason="auto-approve-needs-one",
            hint="remove auto-approve, or ask for one person",
        )
    timeout_s = found["timeout_s"]
    if isinstance(timeout_s, int) and timeout_s <= LEAD_S:
        details.refuse(
            "what is approved by default has to be more than 15 minutes ahead",
            reason="default-too-soon",
            hint="write a longer timeout, or a deadline",
        )
