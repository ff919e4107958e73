"""What the gate writes into the journal: the bodies of its records, made from what was decided and reported.

Bodies are redacted here for what a control plane can know (documented token formats); secrets that only the delegate knows were
taken out there. In the arguments of a call of somebody's server or of a change of a case, and in what its origins and history
repeat of them, personal data is masked as well. Where redaction changed a request, the raw one goes to the working store beside
the record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, as_mapping, canonical
from bridle.core.clock import iso
from bridle.dispatch.protocol import PRIVATE_HOLDS, Permit, Report, Request, sign_report
from bridle.gate.action import Action, Denied, Done
from bridle.gate.approvals import Approval
from bridle.gate.decision import Decision
from bridle.gate.manifest import is_external
from bridle.gate.standing import Standing
from bridle.trust.evidence.exhibits import reported_exhibits
from bridle.trust.journal import Entry, Journal, Kind, Record
from bridle.trust.keys import Signer
from bridle.trust.policy import Finding
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.redaction import Redactor

CASES = "case."  # what people write into cases
UNREACHED = "unreached"  # in the facts of an outcome: nothing was sent


@dataclass(frozen=True)
class Judgement:
    """A decision with what it was made from. `tree` is the workspace as it was then, or empty."""

    decision: Decision
    facts: dict[str, Json]
    standing: Standing
    approval: Approval | None
    tree: str


def overrule(judgement: Judgement, finding: Finding) -> Judgement:
    """Return the judgement as a denial for this reason, whatever was decided."""
    return replace(judgement, decision=replace(judgement.decision, effect="deny", findings=(finding,)))


def decided(action: Action, judgement: Judgement, redactor: Redactor) -> Entry:
    """Record a decision, with the request and every fact it was made on."""
    request: dict[str, Json] = {
        "key": action.key,
        "tool": action.request.tool,
        "arguments": action.request.arguments,
        "principal": action.request.principal,
        "purpose": action.request.purpose,
    }
    masked_too = is_external(action.request.tool) or action.request.tool.startswith(CASES)
    recorder = redactor.with_personal() if masked_too else redactor
    redacted = _mask(request, ("arguments",), redactor=redactor, recorder=recorder)
    said = {*request, "digest"}
    about = {name: fact for name, fact in as_mapping(judgement.facts["action"]).items() if name not in said}
    again = ("control", "target")  # the request's arguments once more
    masked = {name: recorder.redact_json(about.get(name)) for name in again}
    facts = {**judgement.facts, "action": {**about, **masked}}
    body: dict[str, Json] = {
        "action": action.digest,
        "request": redacted,
        "effect": judgement.decision.effect,
        "rules": [
            {"rule": item.rule, "reason": recorder.redact(item.reason)}
            for item in judgement.decision.findings
        ],
        "facts": _mask(facts, ("origins", "history"), redactor=redactor, recorder=recorder),
        "policy": judgement.decision.policy,
        "warnings": [
            {"rule": item.rule, "reason": recorder.redact(item.reason)}
            for item in judgement.decision.warnings
        ],
        "would": [
            {"effect": item.effect, "rule": item.rule, "reason": recorder.redact(item.reason)}
            for item in judgement.decision.would
        ],
    }
    raw = {"request": canonical(request)} if redacted != request else {}
    return Entry(Kind.DECIDED, action.execution, action.key, body, raw)


def _mask(
    content: Mapping[str, Json], parts: tuple[str, ...], *, redactor: Redactor, recorder: Redactor
) -> Json:
    """Redact it; `parts` also of what only the recorder takes out. Who acted, and the target that loops are counted by, stay."""
    redacted = redactor.redact_json(content)
    if recorder is redactor or not isinstance(redacted, Mapping):
        return redacted
    return {**redacted, **{name: recorder.redact_json(redacted.get(name)) for name in parts}}


def intended(action: Action, permit: Permit, *, tree: str) -> Entry:
    """Record that the effect is about to be attempted: the claim that comes before it."""
    body: dict[str, Json] = {
        "action": action.digest,
        "tool": action.request.tool,
        "permit": {"content": permit.content, "signature": permit.signature.to_json()},
        "tree": tree,
    }
    return Entry(Kind.INTENDED, action.execution, action.key, body)


def reported(action: Action, report: Report) -> Entry:
    """Record the outcome that a delegate signed."""
    signed = describe_report(report)
    raw = {"private": report.private} if report.private else {}
    body = _outcome(action, status=report.status, value=report.value, facts=report.facts, report=signed)
    return Entry(Kind.OUTCOME, action.execution, action.key, body, raw)


def describe_report(report: Report) -> dict[str, Json]:
    """Return a report as records hold it: what was signed, with the signature."""
    return {"content": report.content, "signature": report.signature.to_json(), "delegate": report.delegate}


def report_inside(action: Action, value: Json, *, signer: Signer, redactor: Redactor) -> Report:
    """Return the control plane's own report of a change inside Bridle; what is told of people goes to the working store."""
    told = redactor.redact_json(value)
    masked = redactor.with_personal().redact_json(told)
    facts: dict[str, Json] = {PRIVATE_HOLDS: "value"} if masked != told else {}
    return sign_report(
        signer,
        action_digest=action.digest,
        delegate=CONTROL_PLANE,
        status="succeeded",
        value=masked,
        facts=facts,
        private=canonical(told) if facts else b"",
    )


def exhibited(action: Action, report: Report) -> list[Entry]:
    """Record each piece of evidence that the delegate read, under what it is about."""
    if action.request.tool != "evidence.read" or report.status != "succeeded":
        return []
    return reported_exhibits(
        report.value,
        execution=action.execution,
        key=action.key,
        action=action.digest,
        delegate=report.delegate,
    )


def concluded(action: Action, *, status: str, value: Json, unreached: bool = False) -> Entry:
    """Record an outcome of the control plane's own: the delegate did not begin (`unreached`: its target was away), or nobody
    can tell."""
    facts: dict[str, Json] = {UNREACHED: True} if unreached else {}
    body = _outcome(action, status=status, value=value, facts=facts, report=None)
    return Entry(Kind.OUTCOME, action.execution, action.key, body)


def abandoned(intent: Record, *, principal: str, value: Json) -> Entry:
    """Record that what became of an action which was begun is not known, and will not be."""
    body: dict[str, Json] = {
        "action": intent.body["action"],
        "tool": intent.body["tool"],
        "principal": principal,
        "status": "unknown",
        "value": value,
        "facts": {},
        "report": None,
    }
    return Entry(Kind.OUTCOME, intent.execution, intent.subject, body)


async def read_action(decided: Record, journal: Journal, *, token: str) -> Action:
    """Return the action of a call at the door as it was decided, for the token of today; raise TrustError when it is not kept."""
    request = decided.body["request"]
    if "request" in decided.raw:
        request = json.loads(await journal.reveal(decided, "request"))
    asked, facts = as_mapping(request), as_mapping(decided.body["facts"])
    return Action(
        request=Request(
            str(asked["key"]),
            str(asked["tool"]),
            as_mapping(asked["arguments"]),
            str(asked["principal"]),
            str(asked["purpose"]),
        ),
        execution=decided.execution,
        step=str(as_mapping(facts["action"])["step"]),
        boundary=Boundary.from_json(as_mapping(facts["boundary"])),
        token=token,
    )


def requested(approval: Approval) -> Entry:
    """Record that a person has been asked."""
    body: dict[str, Json] = {
        "action": approval.action,
        "tool": approval.tool,
        "topic": approval.topic,
        "message": approval.message,
        "rests_on": approval.rests_on,
        "expires_at": iso(approval.expires_at),
        "terms": approval.terms.to_json(),
        **({"escalates_at": iso(approval.escalates_at)} if approval.escalates_at else {}),
    }
    return Entry(Kind.APPROVAL_REQUESTED, approval.execution, approval.id, body)


def denied_by(record: Record) -> Denied:
    """Read a denial back."""
    rules = record.body["rules"]
    assert isinstance(rules, list)
    first = rules[0]
    return Denied(record.id, first["rule"], " ".join(rule["reason"] for rule in rules))


def done_by(record: Record, private: bytes = b"") -> Done:
    """Read an outcome back."""
    facts = record.body["facts"]
    assert isinstance(facts, Mapping)
    status = str(record.body["status"])
    if facts.get(PRIVATE_HOLDS) == "value":
        return Done(record.id, status, json.loads(private), facts)
    return Done(record.id, status, record.body["value"], facts, private)


def _outcome(
    action: Action, *, status: str, value: Json, facts: Mapping[str, Json], report: Json
) -> dict[str, Json]:
    return {
        "action": action.digest,
        "tool": action.request.tool,
        "principal": action.request.principal,
        "status": status,
        "value": value,
        "facts": dict(facts),
        "report": report,
    }
