"""An agent that stands in a pipeline's own step: a task and tools, and no file.

    - agent: {task: "Say what changed since the last release", tools: {read: true, grep: true}, model: "anthropic:…"}

Rules
  1. Nobody has approved it as a version, so it is offered only what stays in the workspace or can be put back. Whoever wants
     more writes a file, which has an owner, a boundary and a digest that approvals rest on.
  2. Its name is made from what it is: the same task with the same tools is the same principal.
  3. It may write what a tool that writes could be for, the whole workspace; without such a tool, nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bridle.agent.definition import AgentDefinition, AgentLimits
from bridle.agent.narrowing import narrow
from bridle.agent.shelf import INLINE, load_agent
from bridle.agent.words import TOOL_WORDS
from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError
from bridle.gate.action import Purpose
from bridle.gate.manifest import builtin_manifests

OWNER = "pipeline"
VERSION = "0.0.0"
PROMPT = "You work on one step of a pipeline. Do what the first message asks, with the tools you have, and say what you found.\n"
WRITES = frozenset({"file.edit", "command.run"})


def find_agent(body: Mapping[str, Json], *, roots: Sequence[Path]) -> AgentDefinition:
    """Return the agent of a step's body (`pipeline.tree`) as the step leaves it; raise InputError."""
    return narrow(find_definition(body, roots=roots), body)


def find_definition(body: Mapping[str, Json], *, roots: Sequence[Path]) -> AgentDefinition:
    """Return the agent of a step's body as it is registered: its file's, or the one that stands in the step."""
    return load_agent(str(body["uses"]), roots=roots) if body["uses"] else define_inline(body)


def define_inline(body: Mapping[str, Json]) -> AgentDefinition:
    """Return the agent that a step without `uses` describes; raise InputError for a tool that no such agent may have."""
    tools = tuple(
        dict.fromkeys(tool for word in _list_words(body.get("tools")) for tool in _find_tools(word))
    )
    turns = body.get("max_turns")
    limits = AgentLimits(max_turns=turns) if isinstance(turns, int) else AgentLimits()
    content: dict[str, Json] = {"task": body.get("task"), "tools": list(tools), "max_turns": limits.max_turns}
    if body.get("rules"):
        content["rules"] = body["rules"]
    return AgentDefinition(
        name=f"{INLINE}.{digest(content).removeprefix('sha256:')[:12]}",
        version=VERSION,
        description="stands in a step",
        owner=OWNER,
        purpose=Purpose.BUILD,
        prompt=PROMPT,
        tools=tools,
        boundary=Boundary(write=("**",) if WRITES & set(tools) else ()),
        limits=limits,
    )


def _list_words(named: Json) -> list[str]:
    if isinstance(named, Mapping):
        return [word for word, kept in named.items() if kept is True]
    return [str(word) for word in named] if isinstance(named, (list, tuple)) else []


def _find_tools(word: str) -> tuple[str, ...]:
    offered = builtin_manifests()
    tools = TOOL_WORDS.get(word, (word,))
    for tool in tools:
        manifest = offered.get(tool)
        if manifest is None or not manifest.agents:
            known = ", ".join(
                name for name, found in offered.items() if found.agents and not found.effect.lasts
            )
            raise InputError(
                f"there is no tool {tool!r} for agents", hint=f"known: {known}", reason="unknown-tool"
            )
        if manifest.effect.lasts:
            raise InputError(
                f"an agent without a file may not have {tool!r}",
                hint="write the agent to agents/NAME/VERSION.md, with an owner and a boundary, and name it with uses:",
                reason="inline-agent-power",
            )
    return tools
