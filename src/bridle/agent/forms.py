"""The forms an agent is written in, all read to the one record.

    markdown   YAML between two `---` lines, the prompt below it
    current    agent: {uses, with, inputs}
    middle     agent: {step: {run: {with}}}
    oldest     agent: {step: {group: {steps: [{run: {container, env: PLUGIN_*}}]}}}, or agent: {group: …}

Rules
  1. Each form is first gathered into the same fields, by name, each with its place; then one function builds.
  2. A key nobody knows is refused with the nearest known one, a field given twice as well.
  3. The body of a Markdown file is the prompt; a prompt in its frontmatter beside it is an error.

What each field may hold is `agent.fields`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ruamel.yaml.nodes import ScalarNode

from bridle.agent.definition import AgentDefinition
from bridle.agent.fields import build_agent
from bridle.agent.reader import Spot, nearest, read_yaml
from bridle.core.errors import InputError

Fields = dict[str, Spot]

_WORDS = """
    name id identifier version description owner purpose prompt task model connector uses image env inputs
    tools allowed_tools boundary write protect push network suite
    limits max_turns max_tokens max_cost_usd timeout max_output_tokens
    mcp mcp_servers mcp_format allowed_domains output outputs permissions skill skills rules
    docker_connector workdir backend swarm
"""
FIELDS = frozenset(_WORDS.split())
TWINS = {"id": "name", "identifier": "name", "task": "prompt", "allowed_tools": "tools", "mcp": "mcp_servers"}
ENVIRONMENT = {
    "PLUGIN_TASK": "prompt",
    "PLUGIN_MAX_TURNS": "max_turns",
    "PLUGIN_HARNESS_CONNECTOR": "connector",
    "PLUGIN_MCP_SERVERS": "mcp_servers",
    "PLUGIN_MCP_FORMAT": "mcp_format",
    "PLUGIN_ALLOWED_DOMAINS": "allowed_domains",
    "ANTHROPIC_MODEL": "anthropic",
    "OPENAI_MODEL": "openai",
    "MODEL": "model",
}
ALWAYS = frozenset({"<+Always>", "<+always()>", "${{ always() }}"})


def parse_agent(
    text: str, *, file: str, name: str = "", version: str = "", owner: str = ""
) -> AgentDefinition:
    """Read an agent in any form. `name`, `version` and `owner` stand in where the file has none; where it has a
    name or version of its own and these are given too, they have to agree."""
    fields = _gather_markdown(text, file) if text.startswith("---") else _gather_yaml(text, file)
    for field, given in (("name", name), ("version", version)):
        if field in fields and given and fields[field].text() != given:
            raise fields[field].wrong(f"the file is that of {given!r}", reason="name-mismatch")
    fallback = {"name": name, "version": version, "owner": owner}
    return build_agent(fields, fallback=fallback, file=file)


def _gather_markdown(text: str, file: str) -> Fields:
    match = re.match(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)(.*)", text.replace("\r\n", "\n"), re.DOTALL)
    if match is None:
        raise InputError(
            "the frontmatter does not end", where=f"{file}:1:1", hint="close it with a line of three dashes"
        )
    spot = read_yaml("\n" + match[1], file=file)  # the empty line keeps the line numbers of the file
    fields = _spread(spot.mapping(FIELDS))
    body = match[2].strip()
    if body:
        if "prompt" in fields:
            raise fields["prompt"].wrong("there is a prompt both here and below the frontmatter")
        fields["prompt"] = Spot(
            ScalarNode("tag:yaml.org,2002:str", body, start_mark=spot.node.end_mark), file
        )
    return fields


def _gather_yaml(text: str, file: str) -> Fields:
    root = read_yaml(text, file=file).mapping({"agent"})
    if "agent" not in root:
        raise InputError("there is no agent in here", where=file, hint="begin with 'agent:'")
    body = root["agent"].mapping(FIELDS | {"step", "group", "with"})
    fields: Fields = {}
    _merge(fields, {name: spot for name, spot in body.items() if name in FIELDS})
    if "with" in body:
        _merge(fields, body["with"].mapping(FIELDS))
    for name in ("step", "group"):
        if name in body:
            _merge(fields, _gather_step(body[name]) if name == "step" else _gather_group(body[name]))
    return _spread(fields)


def _gather_step(whole: Spot) -> Fields:
    step = whole.mapping({"name", "id", "identifier", "if", "run", "group"})
    if "group" in step:
        return _gather_group(step["group"])
    fields: Fields = {name: spot for name, spot in step.items() if name in ("name", "id", "identifier")}
    if "id" in fields or "identifier" in fields:
        fields.pop("name", None)  # a step's name is for people, its id is what others refer to
    if "if" in step and step["if"].text() not in ALWAYS:
        raise step["if"].wrong("an agent cannot be conditional inside", reason="no-inner-condition")
    if "run" not in step:
        raise whole.wrong("the step of an agent is a run step", hint="add 'run'", reason="unsupported-step")
    run = step["run"].mapping({"container", "env", "with"})
    if "container" in run:
        _merge(fields, run["container"].mapping({"image"}))
    for name in ("env", "with"):
        if name in run:
            _merge(fields, _environment(run[name]) if name == "env" else run[name].mapping(FIELDS))
    return fields


def _gather_group(spot: Spot) -> Fields:
    steps = spot.mapping({"steps"})
    listed = steps["steps"].items() if "steps" in steps else []
    if len(listed) != 1:
        raise spot.wrong(
            f"expected one step, found {len(listed)}", hint="one agent per file", reason="one-step-only"
        )
    return _gather_step(listed[0])


def _environment(spot: Spot) -> Fields:
    found: Fields = {}
    for key, value in spot.pairs():
        if key.text() not in ENVIRONMENT:
            raise key.wrong(
                f"an agent has no environment for {key.text()!r}",
                hint=nearest(key.text(), ENVIRONMENT),
                reason="no-agent-env",
            )
        _merge(found, {ENVIRONMENT[key.text()]: value})
    return found


def _spread(fields: Fields) -> Fields:
    """Put twins, `env`, `boundary` and `limits` in their place."""
    spread: Fields = {}
    groups: Mapping[str, Callable[[Spot], Fields]] = {
        "env": _environment,
        "boundary": lambda spot: spot.mapping({"write", "protect", "push", "network", "suite"}),
        "limits": lambda spot: spot.mapping(
            {"max_turns", "max_tokens", "max_cost_usd", "timeout", "max_output_tokens"}
        ),
    }
    for name, spot in fields.items():
        _merge(spread, groups[name](spot) if name in groups else {TWINS.get(name, name): spot})
    return spread


def _merge(into: Fields, more: Mapping[str, Spot]) -> None:
    for name, spot in more.items():
        if name in into:
            raise spot.wrong(f"{name!r} is given twice", hint=f"first at {into[name].where}")
        into[name] = spot
