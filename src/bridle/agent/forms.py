"""The forms an agent is written in, all read to the one record.

    markdown   YAML between two `---` lines, the prompt below it
    current    agent: {uses, with, inputs}
    middle     agent: {step: {run: {with}}}
    oldest     agent: {step: {group: {steps: [{run: {container, env: PLUGIN_*}}]}}}, or agent: {group: …}

A file may also begin with `template:` (once `action:`), which has a name and a version and one of these as `agent` or `step`.

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
from bridle.agent.faults import Faults
from bridle.agent.fields import build_agent
from bridle.agent.operating import OPERATING, list_gaps
from bridle.agent.reader import Spot, nearest, read_yaml
from bridle.core.errors import InputError

Fields = dict[str, Spot]

_WORDS = """
    name id identifier version description owner purpose prompt task model connector uses image env inputs
    tools allowed_tools boundary write protect push network suite
    limits max_turns max_tokens max_cost_usd timeout max_output_tokens
    mcp mcp_servers mcp_format allowed_domains output outputs output_schema permissions skill skills rules
    docker_connector workdir backend swarm operating
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
_ABOUT = "id identifier name description tags version author module alias inputs layout"
TEMPLATE = frozenset(_ABOUT.split())  # what a template says about itself
PARTS = FIELDS | {"step", "group", "with"}
ALWAYS = frozenset({"<+Always>", "${{ Always }}", "<+always()>", "${{ always() }}"})


def parse_agent(
    text: str, *, file: str, name: str = "", version: str = "", owner: str = ""
) -> AgentDefinition:
    """Read an agent in any form; raise InputError with every fault (`agent.faults`). `name`, `version` and `owner` stand in
    where the file has none; where it has a name or version of its own and these are given too, they have to agree."""
    faults = Faults()
    fields = faults.attempt(lambda: _gather(text, file, faults), None)
    if fields is None:
        faults.raise_if_any()
    fields = fields or {}
    for field, given in (("name", name), ("version", version)):
        faults.attempt(lambda field=field, given=given: _check_agrees(fields.get(field), given), None)  # type: ignore[misc]
    fallback = {"name": name, "version": version, "owner": owner}
    return build_agent(fields, fallback=fallback, file=file, faults=faults)


def find_gaps(text: str, *, file: str) -> list[InputError]:
    """Return what an agent's file, which reads without a fault, does not say of how it works and what it may do."""
    return list(list_gaps(_gather(text, file, Faults()), file=file))


def _gather(text: str, file: str, faults: Faults) -> Fields:
    if file.endswith(".md") and not text.strip():
        hint = "begin with a line of three dashes, say what the agent may use, close with three more; below goes its prompt"
        raise InputError("the file is empty", where=f"{file}:1:1", hint=hint, reason="empty-file")
    return (_gather_markdown if text.startswith("---") else _gather_yaml)(text, file, faults)


def _check_agrees(spot: Spot | None, given: str) -> None:
    if spot is not None and given and spot.text() != given:
        raise spot.wrong(
            f"the file is that of {given!r}", hint="rename the one or the other", reason="name-mismatch"
        )


def _gather_markdown(text: str, file: str, faults: Faults) -> Fields:
    match = re.match(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)(.*)", text.replace("\r\n", "\n"), re.DOTALL)
    if match is None:
        raise InputError(
            "the frontmatter does not end", where=f"{file}:1:1", hint="close it with a line of three dashes"
        )
    spot = read_yaml(
        "\n" + match[1], file=file, faults=faults
    )  # the empty line keeps the line numbers of the file
    fields = _spread(spot.mapping(FIELDS))
    body = match[2].strip()
    if body:
        if "prompt" in fields:
            raise fields["prompt"].wrong(
                "there is a prompt both here and below the frontmatter",
                hint="keep one of them",
                reason="prompt-twice",
            )
        fields["prompt"] = spot.below(
            ScalarNode("tag:yaml.org,2002:str", body, start_mark=spot.node.end_mark)
        )
    return fields


def _gather_yaml(text: str, file: str, faults: Faults) -> Fields:
    root = read_yaml(text, file=file, faults=faults).mapping({"agent", "template", "action", "version"})
    found = [root[name] for name in ("agent", "template", "action") if name in root]
    if len(found) != 1:
        what = "more than one root" if found else "there is no agent in here"
        raise InputError(what, where=file, hint="begin with 'agent:'")
    fields: Fields = {}
    body = found[0].mapping(PARTS) if "agent" in root else _open_template(found[0], fields)
    _merge(fields, {name: spot for name, spot in body.items() if name in FIELDS})
    if "with" in body:
        _merge(fields, body["with"].mapping(FIELDS))
    for name in ("step", "group"):
        if name in body:
            _merge(fields, _gather_step(body[name]) if name == "step" else _gather_group(body[name]))
    return _spread(fields)


def _open_template(spot: Spot, fields: Fields) -> Fields:
    """Return the parts of a template's agent, and put what the template says about itself into `fields`."""
    keys = spot.mapping(TEMPLATE | {"agent", "step", "pipeline", "stage", "group"})
    kinds = sorted(keys.keys() - TEMPLATE)
    if kinds not in (["agent"], ["step"]):
        what = f"a template of {' and '.join(kinds) or 'nothing'} is no agent"
        raise spot.wrong(what, hint="put agent: into it", reason="no-agent-template")
    named = ("id", "identifier") if keys.keys() & {"id", "identifier"} else ("name",)
    said = (*named, "version", "description", "inputs")
    _merge(fields, {name: keys[name] for name in said if name in keys})
    if kinds == ["agent"]:
        return keys["agent"].mapping(PARTS)
    step = {key.text() for key, _ in keys["step"].pairs()}
    return (
        keys["step"].mapping({"agent"})["agent"].mapping(PARTS) if "agent" in step else {"step": keys["step"]}
    )


def _gather_step(whole: Spot) -> Fields:
    step = whole.mapping({"name", "id", "identifier", "if", "run", "group"})
    if "group" in step:
        return _gather_group(step["group"])
    fields: Fields = {name: spot for name, spot in step.items() if name in ("name", "id", "identifier")}
    if "id" in fields or "identifier" in fields:
        fields.pop("name", None)  # a step's name is for people, its id is what others refer to
    if "if" in step and step["if"].text() not in ALWAYS:
        what, hint = "an agent cannot be conditional inside", "write the condition on the step that uses it"
        raise step["if"].wrong(what, hint=hint, reason="no-inner-condition")
    if "run" not in step:
        raise whole.wrong("the step of an agent is a run step", hint="add 'run'", reason="unsupported-step")
    run = step["run"].mapping({"container", "env", "with", "output", "outputs"})
    for name in ("output", "outputs"):
        if name in run:
            _merge(fields, {"outputs": run[name]})
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
    """Put twins, `env`, `boundary`, `limits` and `operating` in their place."""
    spread: Fields = {}
    groups: Mapping[str, Callable[[Spot], Fields]] = {
        "env": _environment,
        "boundary": lambda spot: spot.mapping({"write", "protect", "push", "network", "suite"}),
        "limits": lambda spot: spot.mapping(
            {"max_turns", "max_tokens", "max_cost_usd", "timeout", "max_output_tokens"}
        ),
        "operating": lambda spot: spot.mapping(OPERATING),
    }
    for name, spot in fields.items():
        _merge(spread, groups[name](spot) if name in groups else {TWINS.get(name, name): spot})
    return spread


def _merge(into: Fields, more: Mapping[str, Spot]) -> None:
    for name, spot in more.items():
        if name in into:
            raise spot.wrong(f"{name!r} is given twice", hint=f"first at {into[name].where}")
        into[name] = spot
