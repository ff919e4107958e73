"""Texts for people: an approval to decide on, and what an execution came to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bridle.core.clock import iso
from bridle.core.states import State
from bridle.engine.summary import Summary
from bridle.gate.approvals import Approval
from bridle.surfaces.cli.progress import MARKS, describe_cost


def show_approval(approval: Approval) -> str:
    """Return what a person needs to decide: the action, the difference, the reports, the rules, what it binds."""
    shown: Mapping[str, Any] = approval.shown
    lines = [
        "",
        f"{approval.message}",
        f"  approval   {approval.id}, expires {iso(approval.expires_at)}",
        f"  action     {approval.tool} {json.dumps(shown.get('arguments', {}), sort_keys=True)}",
    ]
    if "agent" in shown:
        lines.append(f"  made by    {shown['agent']} {shown['agent_version']}")
    lines += [f"  {label:<10} {_report(shown.get(name))}" for label, name in _REPORTS if shown.get(name)]
    lines += [f"  rule       {rule['rule']}: {rule['reason']}" for rule in shown.get("rules", ())]
    lines += [f"  binds      {name} {value}" for name, value in approval.rests_on.items() if value]
    if shown.get("difference"):
        lines += ["", *(f"  {line}" for line in str(shown["difference"]).splitlines())]
    return "\n".join([*lines, ""])


def show_summary(summary: Summary) -> str:
    """Return what was done, what was refused by which rule, and what it cost."""
    lines = ["", f"{summary.pipeline} {summary.execution}: {summary.state}"]
    for steps in summary.stages.values():
        for step in steps:
            note = (
                f"  {' '.join(step.note.split())}" if step.note else ""
            )  # a note must not pass for a line of ours
            lines.append(f"  {MARKS[step.state][0]} {step.path:<20} {step.state}{note}")
    if summary.refused:
        lines += ["", "Refused by rule:"]
        lines += [f"  {item.rule:<26} {item.tool} {item.target}" for item in summary.refused]
    if summary.stopped:
        lines += ["", "Stopped in the sandbox:"]
        lines += [f"  {item.note[:60]:<26} {item.target}" for item in summary.stopped]
    if summary.models:
        label = " (turns from a file: nothing was asked of a model)" if summary.played else ""
        lines += ["", f"Model    {', '.join(summary.models)}{label}"]
        lines.append(f"Cost     {summary.cost['tokens']} tokens, {describe_cost(summary)}")
    lines.append(f"Sandbox  {_sandbox(summary.sandbox)}")
    for approval in summary.approvals:
        lines.append(f"Approval {approval['id']} {_verdict(approval)}")
    return "\n".join(lines)


def show_next(summary: Summary) -> str:
    """Return the commands that go on from here, or an empty string."""
    waiting = [approval for approval in summary.approvals if not approval["verdict"]]
    if summary.state is State.WAITING and waiting:
        return "\n".join(
            f"It waits for a person.\n  bridle approve {item['id']}\n  bridle deny {item['id']}"
            for item in waiting
        )
    if not summary.state.ended:
        return f"It has not ended.\n  bridle resume {summary.execution}"
    return ""


def _sandbox(probe: Mapping[str, Any]) -> str:
    """What was enforced: hard guarantees hold, soft ones can be overrun for a moment, missing ones stop the step."""
    parts = [str(probe.get("backend", "not probed"))]
    for label in ("hard", "soft", "missing"):
        names = probe.get(label) or ()
        if names:
            parts.append(f"{label}: {', '.join(names)}")
    return "; ".join(parts)


_REPORTS = (("before", "before"), ("after", "after"))


def _report(report: Any) -> str:
    counts = ", ".join(
        f"{report[name]} {name}" for name in ("tests", "failures", "errors", "skipped") if name in report
    )
    return counts or "no report"


def _verdict(approval: Mapping[str, Any]) -> str:
    if not approval["verdict"]:
        return f"open: {approval['message']}"
    name = f", as {approval['name']!r} (asserted)" if approval["asserted"] else ""
    return f"{approval['verdict']} by {approval['by']}{name}"
