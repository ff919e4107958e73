"""Texts about what waits for people: how many more it takes, whose word, until when, and what to fill in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.engine.answering import describe_terms
from bridle.engine.interventions import Intervention
from bridle.gate.approvals import Approval, ApprovalState
from bridle.trust.deputies import Deputy

LONGEST_CALL = 300  # of a list; bridle digest and bridle approve show the whole


def describe_waiting(approval: Approval) -> dict[str, Any]:
    """Return a request as plain data."""
    return {
        "kind": "approval",
        "id": approval.id,
        "execution": approval.execution,
        "step": approval.topic,
        "tool": approval.tool,
        "message": approval.message,
        "state": str(approval.state),
        "comment": approval.comment,
        "plan": approval.shown.get("plan"),
        "given": list(approval.given),
        "missing": approval.missing,
        "takes": describe_terms(approval.terms),
        "terms": approval.terms.to_json(),
        "escalates_at": iso(approval.escalates_at) if approval.escalates_at else None,
        "answer_by": iso(approval.answered_by),
    }


def describe_intervention(asked: Intervention) -> dict[str, Any]:
    """Return a step to decide about as plain data."""
    return {
        "kind": "intervention",
        "execution": asked.execution,
        "step": asked.path,
        "offers": list(asked.offers),
        "approvers": dict(asked.approvers),
        "answer_by": iso(asked.expires_at),
    }


def show_waiting(approval: Approval) -> str:
    """Return a request in a few lines."""
    return "\n".join(
        [
            f"{approval.id}  {approval.execution}  {approval.topic}",
            *_list_call(approval),
            *_list_plan(approval),
            *list_terms(approval),
        ]
    )


def _list_call(approval: Approval) -> list[str]:
    """Return what an agent at the door wants to call, and for what."""
    shown = approval.shown
    if "risk" not in shown:
        return []
    arguments = json.dumps(shown.get("arguments", {}), sort_keys=True)
    cut = f"{arguments[:LONGEST_CALL]}…" if len(arguments) > LONGEST_CALL else arguments
    return [
        f"  call       {approval.tool} {cut}",
        f"  asked by   {shown['agent']}, for {shown['purpose']}; risk {shown['risk']}",
    ]


def _list_plan(approval: Approval) -> list[str]:
    """Return of which plan a call is, and how all of it is answered."""
    plan = approval.shown.get("plan")
    if not isinstance(plan, Mapping):
        return []
    return [
        f"  plan       call {plan['call']} of {plan['of']}; all of it: bridle approve {plan['id']}, or bridle deny {plan['id']}"
    ]


def show_intervention(asked: Intervention) -> str:
    """Return a step to decide about, with the commands that do."""
    commands = [f"  bridle decide {asked.execution} {asked.path} {offer}" for offer in asked.offers]
    lines = [f"{asked.execution}  {asked.path} failed", f"  {'expires':<10} {iso(asked.expires_at)}"]
    who = [f"{', '.join(map(str, _listed(names)))} ({what})" for what, names in asked.approvers.items()]
    lines += [f"  {'decides':<10} {'; '.join(who)}"] if who else []
    return "\n".join([*lines, *commands])


def _listed(names: Json) -> Sequence[Json]:
    return names if isinstance(names, (list, tuple)) else [names]


def describe_deputy(deputy: Deputy) -> dict[str, Any]:
    """Return who answers in whose place as plain data."""
    return {
        "kind": "delegation",
        "id": deputy.id,
        "from": deputy.person.name,
        "to": deputy.deputy,
        "scope": dict(deputy.scope),
        "reason": deputy.reason,
        "until": deputy.ends_at,
    }


def show_deputy(deputy: Deputy) -> str:
    """Return who answers in whose place in a line or two."""
    scope = " ".join(f"{name}={pattern}" for name, pattern in sorted(deputy.scope.items()))
    told = f"{deputy.id}  {deputy.deputy} answers for {deputy.person.name} until {deputy.ends_at}: {scope}"
    return f"{told}\n  bridle approve APPROVAL --as {deputy.deputy} --on-behalf-of {deputy.person.name}"


def list_terms(approval: Approval) -> list[str]:
    """Return the lines about whose word a request takes, and what they fill in."""
    terms = approval.terms
    lines = [f"  message    {' '.join(approval.message.split())}"]
    if approval.state is ApprovalState.VOID:
        why = approval.comment or "its case has changed"
        then = "nobody can answer it, and the action asks anew when it is tried again"
        return [*lines, f"  void       {why}: {then}"]
    lines.append(f"  takes      {describe_terms(terms)}")
    if approval.given:
        lines.append(f"  given by   {', '.join(approval.given)}; {approval.missing} more")
    if approval.escalates_at:
        lines.append(f"  escalates  {iso(approval.escalates_at)}")
    end = "approved by default" if terms.auto_approve else "expires"
    lines.append(f"  {end:<10} {iso(approval.answered_by)}")
    lines += [f"  fill in    --input {name}={_describe_input(spec)}" for name, spec in terms.inputs.items()]
    return lines


def _describe_input(spec: Any) -> str:
    fields: Mapping[str, Any] = spec
    form = "|".join(fields["enum"]) or fields["pattern"] or "text"
    many = " (several, as a,b)" if fields["multi_select"] else ""
    need = "" if fields["required"] and fields["default"] is None else " (may be left out)"
    about = f"  {fields['description']}" if fields["description"] else ""
    return f"{form}{many}{need}{about}"
