"""Text for people: a plan of calls to decide on, every call with its arguments, their origins, risk and the rules that ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bridle.surfaces.cli.show import one_line, tell_origin
from bridle.trust.journal import Record


def show_plan(record: Record) -> str:
    """Return a plan as it was recorded; what others wrote is spelled as JSON or indented."""
    body: Mapping[str, Any] = record.body
    calls = body["calls"]
    lines = [
        "",
        f"{record.subject}: {len(calls)} calls in this order, by {body['agent']}, for {body['purpose']}",
        *([f"  message    {' '.join(str(body['message']).split())}"] if body["message"] else []),
        f"  expires    {body['expires_at']}",
    ]
    for number, call in enumerate(calls, start=1):
        lines.append(f"  {number}. {call['tool']} {json.dumps(call['arguments'], sort_keys=True)}")
        lines.append(f"     {call['effect']}, risk {call['risk'] or 'not said'}; {_asked(call)}")
        lines += [f"     rule {rule['rule']}: {one_line(rule['reason'])}" for rule in call["rules"]]
        lines += [f"     {tell_origin(origin)}" for origin in call["origins"]]
    return "\n".join([*lines, ""])


def _asked(call: Mapping[str, Any]) -> str:
    if call["approval"]:
        return f"your word answers it ({call['approval']})"
    if call["decision"] == "ask":
        return "asked about on its own, when it is called"
    return "no rule asks about it"
