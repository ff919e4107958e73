"""Patterns that a file's author writes, matched by an engine that is linear in time: no text makes one of them run for ever."""

from __future__ import annotations

from typing import Any

import re2  # type: ignore[import-untyped]

LONGEST_PATTERN = 1_000
LARGEST_PROGRAM_BYTES = 1 << 20  # what compiling one pattern may take


def compile_pattern(pattern: str) -> Any:
    """Return the compiled pattern; raise ValueError for one that is too long, or that the engine can't do."""
    options = re2.Options()
    options.max_mem = LARGEST_PROGRAM_BYTES
    options.log_errors = False
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"longer than {LONGEST_PATTERN} characters")
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as exc:
        raise ValueError(str(exc)) from exc


def matches_whole(pattern: str, text: str) -> bool:
    """Return whether the whole text matches; raise ValueError as `compile_pattern` does."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return False  # half a surrogate pair is no text to the engine
    return compile_pattern(pattern).fullmatch(text) is not None
