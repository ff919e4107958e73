"""What `bridle --help` lists: every command under what a person wants to do, in one line each.

A command's line is the beginning of its help, up to the last clause that fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from typer.core import TyperGroup

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Begin": ("demo", "init", "doctor"),
    "Write pipelines": ("validate", "plan", "fmt", "lock", "schema"),
    "Run": ("run", "agent", "serve", "dev", "resume", "pause", "cancel", "rerun", "retention"),
    "Answer": ("approvals", "digest", "approve", "deny", "revoke", "decide", "work"),
    "Agents that run elsewhere, and business processes": ("tools", "session", "case"),
    "Say who may do what": ("people", "principals", "roles", "policy", "limits", "kill"),
    "See and prove what happened": ("executions", "logs", "explain", "audit", "evidence", "keys"),
    "Keep secrets and personal data out": ("redact", "erase"),
}
MARGIN = 6  # columns around the two of a list
SAYS_ENOUGH = 12  # characters before a colon or a full stop; after fewer, the clauses behind it belong to it


class Overview(TyperGroup):
    """A group of commands whose help lists the root's by section, and the few of any other in one list."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the lists."""
        is_root = ctx.parent is None
        width = max(map(len, self.commands))
        left = formatter.width - MARGIN - width
        for heading, names in (SECTIONS if is_root else {"Commands": (*self.commands,)}).items():
            lines = [(name.ljust(width), begin(self.commands[name].help or "", left)) for name in names]
            with formatter.section(heading):
                formatter.write_dl(lines)


def begin(text: str, limit: int) -> str:
    """Return as much of a help's first paragraph as stands for itself within `limit` characters."""
    line = " ".join(text.split("\n\n")[0].split())
    ends = [found.start() for found in re.finditer(r"[.:;](?= |$)", line)]
    commas = [found.start() for found in re.finditer(r",(?= )", line)]
    fits = [end for end in ends if SAYS_ENOUGH <= end <= limit] or [end for end in commas if end <= limit]
    return line[: max(fits, default=limit)]
