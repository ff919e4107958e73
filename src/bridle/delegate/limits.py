"""Ceilings of a workspace, and the one way to say that one was passed."""

from __future__ import annotations

from dataclasses import dataclass

from bridle.core.errors import ExecutionError


@dataclass(frozen=True)
class TreeLimits:
    """Ceilings of one workspace. The count is of folder entries seen, so that no flood of names goes uncounted."""

    entries: int = 50_000
    depth: int = 64
    file_bytes: int = 64 << 20
    total_bytes: int = 512 << 20


def too_large(what: str, limit: str, value: int) -> ExecutionError:
    """Return the error for a limit that was passed."""
    return ExecutionError(
        f"{what}; the limit is {value} ({limit})",
        hint="remove it from the workspace",
        reason=f"limit-{limit}",
    )
