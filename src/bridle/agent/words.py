"""Words that other dialects have for the tools and models of an agent."""

from __future__ import annotations

from collections.abc import Mapping

TOOL_WORDS: Mapping[str, tuple[str, ...]] = {
    "read": ("file.list", "file.read"),
    "grep": ("file.search",),
    "write": ("file.edit",),
    "edit": ("file.edit",),
    "bash": ("command.run",),
}
