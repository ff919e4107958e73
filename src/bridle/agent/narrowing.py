"""What a step takes from the agent that it uses: fewer tools, fewer turns. It can take, never give.

    max-turns: 20                        no more turns than these, whatever the file allows
    tools: [file.read, file.search]      these only; each has to be among the agent's own
    tools: {bash: false, write: false}   all of the agent's but these

The approved version is still the agent's: who acts is the definition's digest, and what is taken stands in the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bridle.agent.definition import AgentDefinition
from bridle.agent.words import TOOL_WORDS
from bridle.core.canonical import Json
from bridle.core.errors import InputError


def narrow(definition: AgentDefinition, body: Mapping[str, Json]) -> AgentDefinition:
    """Return the agent as the step's body (`pipeline.tree`) leaves it; raise InputError for a tool that it never had."""
    limits, turns = definition.limits, body.get("max_turns")
    if isinstance(turns, int):
        limits = replace(limits, max_turns=min(limits.max_turns, turns))
    return replace(definition, tools=_keep(definition, body.get("tools")), limits=limits)


def _keep(definition: AgentDefinition, named: Json) -> tuple[str, ...]:
    if isinstance(named, Mapping):
        taken = set(_spell([str(word) for word, kept in named.items() if kept is False], definition))
        _check(
            list(_spell([str(word) for word, kept in named.items() if kept is True], definition)), definition
        )
        return tuple(tool for tool in definition.tools if tool not in taken)
    if isinstance(named, (list, tuple)):
        kept = list(_spell([str(word) for word in named], definition))
        _check(kept, definition)
        return tuple(tool for tool in definition.tools if tool in kept)
    return definition.tools


def _spell(words: list[str], definition: AgentDefinition) -> Iterator[str]:
    """Yield the tools that words mean. A vendor's word may mean several, of which the agent needs to have one."""
    for word in words:
        meant = TOOL_WORDS.get(word, (word,))
        yield from [tool for tool in meant if tool in definition.tools] or meant


def _check(tools: list[str], definition: AgentDefinition) -> None:
    for tool in tools:
        if tool not in definition.tools:
            raise InputError(
                f"{definition.name} has no tool {tool!r}: a step can take tools from an agent, not give it any",
                hint="its tools are " + (", ".join(definition.tools) or "none"),
                reason="tool-not-granted",
            )
