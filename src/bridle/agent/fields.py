"""From gathered fields to an agent's record: what each field may hold, and what is refused.

Rules
  1. What is known but cannot be honoured yet (MCP servers, egress to a domain, an image) is refused with a reason
     that a program can compare. Nothing is dropped: an agent without its servers is another agent.
  2. A known vendor image means Bridle's own runner; it is never pulled.
  3. A tool of a server is named `mcp.<server>.<tool>`. Any other that no manifest offers to agents is refused, and so is an
     expression that looks at anything but declared inputs, or at one that may be left out and has no default.

How the fields come together from the forms of a file is `agent.forms`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridle.agent.definition import AgentDefinition, AgentLimits
from bridle.agent.faults import Faults
from bridle.agent.inputs import list_expression_faults, read_inputs
from bridle.agent.operating import read_operating
from bridle.agent.outputs import read_output_schema
from bridle.agent.reader import Spot, nearest
from bridle.agent.words import TOOL_WORDS
from bridle.core.boundary import Boundary, Suite, clean_path
from bridle.core.errors import InputError
from bridle.gate.action import Purpose
from bridle.gate.manifest import builtin_manifests, is_external

MODELS = ("model", "anthropic", "openai")
ONE_BY_ONE = "name each tool as mcp.SERVER.TOOL; bridle tools list has them"
REFUSED = {
    "mcp_servers": ("no-mcp-servers", "MCP servers cannot be reached by agents yet"),
    "allowed_domains": ("no-egress", "the sandbox has no way out to a domain yet"),
    "output": ("no-output-files", "declared output files are not collected yet"),
    "permissions": ("permissions-derived", "permissions are derived from the tools and cannot be declared"),
    "skill": ("no-skills", "skills are not read yet"),
    "skills": ("no-skills", "skills are not read yet"),
    "rules": ("no-rules", "rules beside the prompt are not read yet"),
    "docker_connector": ("no-container-agents", "an agent does not bring its own container yet"),
    "workdir": ("no-workdir", "an agent works at the top of its workspace"),
    "swarm": ("no-swarm", "an agent is one agent"),
}
VENDOR_IMAGE = re.compile(r"(?:[\w.-]+/)*(?:harness-ai-agent|bridle-agent)(?::[\w.-]+)?")
BASE = re.compile(r"(?:harnessAI|bridle\.agent)(?:@[\d.]+)?")
OWN_BACKEND = "bridle"


def build_agent(
    fields: Mapping[str, Spot], *, fallback: Mapping[str, str], file: str, faults: Faults
) -> AgentDefinition:
    """Build the record; `fallback` has name, version and owner for a file without its own. Raise InputError with every
    fault, those that are in `faults` already among them."""
    _refuse_what_is_not_honoured(fields, faults)
    attempt = faults.attempt

    def need(field: str) -> str:
        found = fields[field].text() if field in fields else fallback.get(field, "")
        if not found.strip():
            raise InputError(
                f"the agent has no {field}", where=file, hint=f"add {field!r}", reason="incomplete-agent"
            )
        return found

    def text(field: str) -> str:
        return attempt(lambda: fields[field].text(), "") if field in fields else ""

    has_inputs = attempt(lambda: read_inputs(fields["inputs"]), None) if "inputs" in fields else ()
    inputs = has_inputs or ()
    prompt = attempt(lambda: need("prompt"), "").strip() + "\n"
    model = attempt(lambda: _model(fields), "")
    connector = text("connector")
    filled = {"prompt": prompt, "connector": connector, **{name: model for name in MODELS if name in fields}}
    for field, words in filled.items() if has_inputs is not None else ():
        faults.found += list_expression_faults(fields.get(field), words, inputs=inputs, file=file)
    outputs = (fields.get("outputs"), fields.get("output_schema"))
    nothing: Mapping[str, Any] = {}
    no_tools: tuple[str, ...] = ()
    parts: dict[str, Any] = {
        "name": attempt(lambda: need("name"), ""),
        "version": attempt(lambda: need("version"), ""),
        "description": text("description").strip(),
        "owner": attempt(lambda: need("owner"), ""),
        "purpose": attempt(lambda: _purpose(fields), Purpose.BUILD),
        "tools": attempt(lambda: _tools(fields), no_tools),
        "boundary": attempt(lambda: _boundary(fields), None),
        "limits": attempt(lambda: _limits(fields), None),
        "operating": attempt(lambda: read_operating(fields), nothing),
        "output_schema": attempt(lambda: read_output_schema(*outputs), nothing),
    }
    faults.raise_if_any()
    return AgentDefinition(**parts, prompt=prompt, model=model, connector=connector, inputs=inputs)


def _refuse_what_is_not_honoured(fields: Mapping[str, Spot], faults: Faults) -> None:
    for field, (reason, sentence) in REFUSED.items():
        if field in fields and not faults.attempt(lambda field=field: _is_nothing(fields[field]), True):  # type: ignore[misc]
            faults.found.append(fields[field].wrong(sentence, hint=f"take {field!r} out", reason=reason))
    faults.attempt(lambda: _check_images_and_bases(fields), None)


def _is_nothing(spot: Spot) -> bool:
    value = spot.json()
    return value is None or value is False or value in ("", [], {})


def _check_images_and_bases(fields: Mapping[str, Spot]) -> None:
    if "image" in fields and not VENDOR_IMAGE.fullmatch(fields["image"].text()):
        what, hint = "this image is not a known agent runner", "leave it out: Bridle's own runner is used"
        raise fields["image"].wrong(what, hint=hint, reason="unknown-agent-image")
    if "backend" in fields and fields["backend"].text() != OWN_BACKEND:
        name = fields["backend"].text()[:80]
        raise fields["backend"].wrong(
            f"the backend {name!r} is not installed", hint=f"use {OWN_BACKEND}", reason=f"no-backend:{name}"
        )
    if "uses" in fields and not BASE.fullmatch(fields["uses"].text()):
        raise fields["uses"].wrong(
            "this base is not known", hint="use harnessAI@1.0.0", reason="unknown-agent-base"
        )
    if "mcp_format" in fields and fields["mcp_format"].text() != "harness":
        what, hint = "this form of MCP servers is not known", "write harness, or leave it out"
        raise fields["mcp_format"].wrong(what, hint=hint, reason="unknown-mcp-format")


def _model(fields: Mapping[str, Spot]) -> str:
    named = [name for name in MODELS if name in fields]
    if len(named) > 1:
        raise fields[named[1]].wrong("the model is named twice", hint=f"first at {fields[named[0]].where}")
    if not named:
        return ""
    prefix = "" if named[0] == "model" else f"{named[0]}:"
    return prefix + fields[named[0]].text()


def _purpose(fields: Mapping[str, Spot]) -> Purpose:
    if "purpose" not in fields:
        return Purpose.BUILD
    words = [str(purpose) for purpose in Purpose]
    if fields["purpose"].text() not in words:
        raise fields["purpose"].wrong("not a known purpose", hint=nearest(fields["purpose"].text(), words))
    return Purpose(fields["purpose"].text())


def _tools(fields: Mapping[str, Spot]) -> tuple[str, ...]:
    if "tools" not in fields:
        return ()
    offered = [tool for tool, manifest in builtin_manifests().items() if manifest.agents]
    chosen: dict[str, None] = {}
    for word in fields["tools"].texts():
        names = TOOL_WORDS.get(word, (word,))
        for tool in names:
            if tool not in offered and not is_external(tool):
                hint = ONE_BY_ONE if tool.startswith("mcp.") else nearest(tool, offered)
                raise fields["tools"].wrong(f"there is no tool {tool!r} for agents", hint=hint,
                                            reason="unknown-tool")  # fmt: skip
            chosen[tool] = None
    return tuple(chosen)


def _boundary(fields: Mapping[str, Spot]) -> Boundary:
    if "network" in fields and fields["network"].text() != "off":
        what = "the only network there is yet is 'off'"
        raise fields["network"].wrong(what, hint="write network: off", reason="no-egress")
    suite = _suite(fields["suite"]) if "suite" in fields else None
    write, protect, push = (_globs(fields.get(name)) for name in ("write", "protect", "push"))
    return Boundary(write=write, protect=protect, push=push, suite=suite)


def _globs(spot: Spot | None) -> tuple[str, ...]:
    if spot is None:
        return ()
    return tuple(_glob(item) for item in spot.items())


def _glob(spot: Spot) -> str:
    try:
        return clean_path(spot.text())
    except InputError as exc:
        raise spot.wrong(
            exc.what, hint=exc.hint or "write a path below the workspace", reason=exc.reason
        ) from exc


def _suite(spot: Spot) -> Suite:
    keys = spot.mapping({"script", "report"})
    if set(keys) != {"script", "report"}:
        raise spot.wrong("a suite has a script and a report", hint="name both")
    return Suite(script=keys["script"].text(), report=keys["report"].text())


def _limits(fields: Mapping[str, Spot]) -> AgentLimits:
    numbers = {
        name: fields[name].integer()
        for name in ("max_turns", "max_tokens", "max_output_tokens")
        if name in fields
    }
    if "timeout" in fields:
        numbers["timeout_s"] = _seconds(fields["timeout"])
    cost = fields["max_cost_usd"].decimal() if "max_cost_usd" in fields else None
    return AgentLimits(max_cost_usd=cost, **numbers)


def _seconds(spot: Spot) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", spot.text())
    if match is None:
        raise spot.expected("a time such as 90s, 15m or 2h")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
