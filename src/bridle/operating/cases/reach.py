"""What a case's state has a say in, and how much of that agents hold. Pure, but for the manifests as they stand now.

Rules
  1. Every tool of a server that is known counts, and whatever built-in tool lasts.
  2. What a state names that nobody knows yet counts as what it would be without an entry, and so does any other tool of a server.
  3. A pattern is judged as a tool of its own beside those that it covers: what covers the pattern covers all that it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bridle.gate.manifest import Effect, Manifests, builtin_manifests
from bridle.operating.cases.case_type import CaseType, is_governed
from bridle.trust.permissions import holds

SERVERS = "mcp."
ANY = "mcp.*"
UNKNOWN = str(Effect.CONSEQUENTIAL)  # what a tool is that its owner says nothing of (gate.external)


def find_tools(case_type: CaseType, manifests: Manifests) -> dict[str, str]:
    """Return every tool, and pattern of tools, that a state of the type has a say in, by name with effects."""
    named = {tool for state in case_type.states.values() for tool in state.tools if tool.startswith(SERVERS)}
    found = dict.fromkeys({ANY, *named}, UNKNOWN)
    known = {**builtin_manifests(), **manifests.external()}
    found |= {tool: str(manifest.effect) for tool, manifest in known.items()}
    return {tool: effect for tool, effect in found.items() if _has_a_say(tool, effect)}


def keep_held(tools: Mapping[str, str], words: Iterable[str]) -> dict[str, str]:
    """Return which of the tools these permissions hold, and the patterns among the permissions beside them."""
    words = frozenset(words)
    patterns = {SERVERS + _bare(word): UNKNOWN for word in words if word == "*" or word.startswith("mcp:")}
    return patterns | {tool: effect for tool, effect in tools.items() if holds(words, _needs(tool))}


def _has_a_say(tool: str, effect: str) -> bool:
    return is_governed(tool, effect, external=tool.startswith(SERVERS))


def _bare(word: str) -> str:
    return word.removeprefix("mcp:")


def _needs(tool: str) -> str:
    if tool.startswith(SERVERS):
        return "mcp:" + tool.removeprefix(SERVERS)
    return builtin_manifests()[tool].needs
