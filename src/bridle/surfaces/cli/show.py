"""Texts for people: an approval to decide on, and what an execution came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bridle.core.clock import from_iso, iso
from bridle.core.states import State
from bridle.engine.views import Summary
from bridle.gate.approvals import Approval
from bridle.gate.origins.judging import VOUCHED
from bridle.surfaces.cli.progress import MARKS, describe_cost
from bridle.surfaces.cli.show_waiting import list_terms
from bridle.trust.quorum import Terms


def show_approval(approval: Approval) -> str:
    """Return what a person needs to decide: the action, the difference, the reports, the rules, what it binds.

    What others wrote is indented, every line of it: it must not pass for a line of ours.
    """
    shown: Mapping[str, Any] = approval.shown
    lines = [
        "",
        approval.message.replace("\n", "\n    "),  # an expression may have put an agent's words into it
        f"  approval   {approval.id}, expires {iso(approval.expires_at)}",
        *(list_terms(approval)[1:] if approval.terms != Terms() else ()),
        f"  action     {approval.tool} {json.dumps(shown.get('arguments', {}), sort_keys=True)}",
    ]
    if "agent_version" in shown:
        lines.append(f"  made by    {shown['agent']} {shown['agent_version']}")
    elif "agent" in shown:
        lines.append(f"  asked by   {shown['agent']}, for {shown['purpose']}; risk {shown['risk']}")
    lines += [f"  repository {one_line(shown['repository'])}"] if shown.get("repository") else []
    lines += [f"  {label:<10} {_report(shown.get(name))}" for label, name in _REPORTS if shown.get(name)]
    lines += [f"  rule       {rule['rule']}: {one_line(rule['reason'])}" for rule in shown.get("rules", ())]
    lines += _block("origins", [tell_origin(origin) for origin in shown.get("origins", ())])
    lines += [f"  binds      {name} {value}" for name, value in approval.rests_on.items() if value]
    lines += _block("before", _list_deeds(shown["loop"]) if "loop" in shown else ())
    lines += _block("message", str(shown["message"]).rstrip("\n").split("\n") if shown.get("message") else ())
    lines += _block("changed", [one_line(path) for path in shown.get("changed", ())])
    if shown.get("difference"):
        lines += ["", *(f"  {line}" for line in str(shown["difference"]).removesuffix("\n").split("\n"))]
    return "\n".join([*lines, ""])


def show_summary(summary: Summary, *, now: datetime | None = None) -> str:
    """Return what was done, what was refused by which rule, and what it cost; with `now`, what has expired is said."""
    lines = ["", f"{summary.pipeline} {summary.execution}: {summary.state}"]
    if summary.note:
        lines.append(f"  {one_line(summary.note)}")
    for steps in summary.stages.values():
        for step in steps:
            note = (
                f"  {' '.join(step.note.split())}" if step.note else ""
            )  # it must not pass for a line of ours
            lines.append(f"  {MARKS[step.state][0]} {step.title:<20} {step.state}{note}")
            lines += [f"      next: {step.next}"] if step.next else []
    if summary.refused:
        lines += ["", "Refused by rule:"]
        lines += [f"  {item.rule:<26} {item.tool} {item.target}" for item in summary.refused]
    if summary.repeated:
        lines += ["", "The same change again:"]
        lines += [f"  {f'time {item.time}':<26} {item.tool} {item.target}" for item in summary.repeated]
    if summary.stopped:
        lines += ["", "Stopped in the sandbox:"]
        lines += [f"  {item.note[:60]:<26} {item.target}" for item in summary.stopped]
    if summary.models:
        label = " (turns from a file: nothing was asked of a model)" if summary.played else ""
        lines += ["", f"Model    {', '.join(summary.models)}{label}"]
        lines.append(f"Cost     {summary.cost['tokens']} tokens, {describe_cost(summary)}")
        paying = [step for steps in summary.stages.values() for step in steps if step.cost]
        for step in paying if len(paying) > 1 else ():
            lines.append(
                f"  {step.path:<20} {step.cost['tokens']} tokens, {describe_cost(summary, step.cost)}"
            )
    lines.append(f"Sandbox  {_sandbox(summary.sandbox)}")
    for approval in summary.approvals:
        lines.append(f"Approval {approval['id']} {_verdict(approval, now)}")
    return "\n".join(lines)


def tell_origin(origin: Mapping[str, Any]) -> str:
    """Return one value of a call, and who vouches for it; a value that nobody vouches for is marked."""
    mark = " " if origin["kind"] in VOUCHED else "!"
    where = (
        origin["where"]
        if origin["where"].startswith(origin["kind"])
        else f"{origin['kind']} {origin['where']}"
    )
    source = f"{where.strip()}, {origin['note']}" if origin["note"] else where.strip()
    return f"{mark} {origin['argument']} = {json.dumps(origin['value'])}: {one_line(source)}"


def _list_deeds(loop: Mapping[str, Any]) -> list[str]:
    """What was done to the same target before: when, what, and in which execution."""
    word = {True: "the same change", False: "another change"}
    return [
        f"{deed['at']}  {deed['tool']}  {deed['execution']}  {word[deed['same']]}" for deed in loop["before"]
    ]


def show_next(summary: Summary, *, now: datetime | None = None) -> str:
    """Return the commands that go on from here, or an empty string."""
    if summary.state is State.WAITING and (commands := _list_answers(summary, now)):
        return "\n".join(["It waits for a person.", *(f"  {command}" for command in commands)])
    if not summary.state.ended:
        return f"It has not ended.\n  bridle resume {summary.execution}"
    return ""


def _list_answers(summary: Summary, now: datetime | None) -> list[str]:
    """Return the commands that answer what is open."""
    commands = []
    for approval in summary.approvals:
        if _is_open(approval, now):
            wanted = approval.get("inputs") or ()
            assert isinstance(wanted, Sequence)
            filled = "".join(f" --input {name}=…" for name in wanted)
            commands += [f"bridle approve {approval['id']}{filled}", f"bridle deny {approval['id']}"]
    for item in summary.interventions:
        offers = item["offers"]
        assert isinstance(offers, Sequence)
        if not item["answer"] and (now is None or now < from_iso(str(item["expires_at"]))):
            commands += [f"bridle decide {summary.execution} {item['step']} {offer}" for offer in offers]
    return commands


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


def _verdict(approval: Mapping[str, Any], now: datetime | None) -> str:
    if not approval["verdict"]:
        return f"{'open' if _is_open(approval, now) else 'expired'}: {one_line(approval['message'])}"
    if approval["verdict"] == "approved" and not approval["asserted"]:
        return f"approved by {', '.join(approval['approvers'])}"
    return f"{approval['verdict']} by {approval['by']}{_vouched(approval)}"


def _vouched(approval: Mapping[str, Any]) -> str:
    """Who vouches for the person: nobody for a name they gave, the operating system for its own user."""
    if not approval["asserted"]:
        return ""
    own = str(approval["by"]).partition(":")[2]  # recorded as the name where none was given
    if approval["name"] in ("", own):
        return " (vouched for by the operating system)"
    return f", as {approval['name']!r} (asserted)"


def _is_open(approval: Mapping[str, Any], now: datetime | None) -> bool:
    return not approval["verdict"] and (now is None or now < from_iso(str(approval["expires_at"])))


def _block(label: str, lines: Sequence[str]) -> list[str]:
    return [f"  {label}", *(f"    {line}" for line in lines)] if lines else []


def one_line(text: object) -> str:
    """Return a text as one line: a line break in it is spelled out."""
    return str(text).replace("\n", "\\n")
