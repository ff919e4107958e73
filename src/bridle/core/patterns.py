"""Patterns that a file's author writes, matched by an engine that is linear in time: no text makes one of them run for ever."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

LONGEST_PATTERN = 1_000
LARGEST_PROGRAM_BYTES = 1 << 20  # what compiling one pattern may take
_ESCAPED = re.compile(r"(\\\\)|\\u([0-9a-fA-F]{4})")


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


def found_in(text: str, pattern: str) -> bool:
    """Return whether a pattern of a JSON Schema is found in the text, whose end is where `$` is; raise ValueError as
    `compile_pattern` does."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return False
    return _compile_escaped(pattern).search(text) is not None


@lru_cache(maxsize=1024)
def _compile_escaped(pattern: str) -> Any:
    """Compile a pattern in which characters may be escaped as in JSON: `\u202e`."""
    return compile_pattern(_ESCAPED.sub(lambda found: found[1] or rf"\x{{{found[2]}}}", pattern))


def matches_whole(pattern: str, text: str) -> bool:
    """Return whether the whole text matches; raise ValueError as `compile_pattern` does."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return False  # half a surrogate pair is no text to the engine
    return compile_pattern(pattern).fullmatch(text) is not None
