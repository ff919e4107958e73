"""The body of an `agent` step: the agent it uses or that stands in it, and what the step takes away from it.

Rules
  1. Which agent is used is written out: no expression may choose it.
  2. A step narrows (`agent.narrowing`): fewer turns, fewer tools. What an environment says is which model.
"""

from __future__ import annotations

import re

from bridle.core.canonical import Json
from bridle.pipeline.complaint import suggest
from bridle.pipeline.fields import Fields
from bridle.pipeline.nodes import Mapping, Node, Scalar

MODEL_VARIABLES = {"MODEL": "", "ANTHROPIC_MODEL": "anthropic:", "OPENAI_MODEL": "openai:"}
_AGENT = re.compile(r"(?:[A-Za-z][\w-]*\.)*[A-Za-z][\w-]*(@\d{1,9}(?:\.\d{1,9}){0,2})?", re.ASCII)


def read_agent(body: Fields) -> dict[str, Json]:
    """Return the body as `pipeline.tree` lists it."""
    is_inline = body.has("task") and not body.has("uses")
    if is_inline and body.has("with"):
        hint = "put what it is to know into task:"
        what = "an agent without a file has no inputs"
        body.refuse(what, reason="inline-agent-inputs", hint=hint, at=body.nodes["with"].place)
    uses = "" if is_inline else body.required_text("uses")
    match = _AGENT.fullmatch(uses)
    if uses and not match:
        hint = "write publisher.name@1.0.0, without expressions"
        body.refuse(f"{uses[:80]!r} names no agent", reason="bad-uses", hint=hint)
    elif match and not match.group(1):
        body.findings.note(body.place, f"{uses!r} has no version: it means the stable one")
    return {
        "uses": uses,
        "with": body.values("with"),
        "model": body.text("model") or _read_model(body) or None,
        **_read_narrowing(body),
    }


def _read_model(body: Fields) -> str:
    """Return the model that an agent's environment names, which is all that its environment can say."""
    named = ""
    for key, value in body.variables("env").items():
        if key not in MODEL_VARIABLES:
            hint = suggest(key, MODEL_VARIABLES, otherwise=f"known: {', '.join(MODEL_VARIABLES)}")
            what = f"an agent has no environment for {key!r}"
            body.refuse(what, reason="no-agent-env", hint=hint, at=body.nodes["env"].place)
        else:
            named = MODEL_VARIABLES[key] + value
    return named


def _read_narrowing(body: Fields) -> dict[str, Json]:
    """Return what the step takes from its agent (`agent.narrowing`) and tells it beside its inputs; only what is there."""
    found: dict[str, Json] = {}
    if body.has("max-turns"):
        found["max_turns"] = body.count("max-turns", default=1)
    if body.has("task"):
        found["task"] = body.text("task")
    if body.has("rules"):
        found["rules"] = list(body.texts("rules"))
    tools = body.get("tools")
    if isinstance(tools, Mapping):
        found["tools"] = {key.text: _read_kept(value, body) for key, value in tools.entries}
    elif tools is not None:
        found["tools"] = list(body.texts("tools"))
    return found


def _read_kept(value: Node, body: Fields) -> bool:
    kept = value.value if isinstance(value, Scalar) else None
    if not isinstance(kept, bool):
        hint = "write true or false; which commands may run is a matter of policy"
        body.refuse("a tool is kept or taken", reason="wrong-shape", hint=hint, at=value.place)
    return kept is True
