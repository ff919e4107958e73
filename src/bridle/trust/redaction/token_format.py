"""What a row of the tables of token formats is, and how a table is searched: one look for all literals, then the patterns.

Rules
  1. A row is tried where one of its literals stands; case counts unless the pattern begins with `(?i`.
  2. A pattern that begins with `\\b(` has its literals right behind it, so they count at the beginning of a word only.
  3. RE2 alone searches, so time is linear in the text. It reports a search that ran out of memory as one that found
     nothing; every search therefore has something that it must find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import re2  # type: ignore[import-untyped]

from bridle.core.errors import ExecutionError

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SELECTIVE = 4  # characters that a literal needs to be rare in ordinary text
_CLASS = re.compile(r"\\[^AzZ]|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]")
_EDGE = re.compile(r"[\^$]|\\[AzZ]")
CANARY = "\0bridle\0"


class TokenFormat(NamedTuple):
    """One documented format; `pattern` has exactly one group, the secret itself."""

    kind: str
    literals: tuple[str, ...]
    pattern: str
    document: str


def tabulate(*rows: tuple[str, str, str, str]) -> tuple[TokenFormat, ...]:
    """Make a table of rows that name their literals in one text, parted by spaces."""
    return tuple(
        TokenFormat(kind, tuple(literals.split()), pattern, document)
        for kind, literals, pattern, document in rows
    )


class RedactionError(ExecutionError):
    """A text could not be redacted; it is dropped."""

    default_reason = "redaction-failed"


class Prefilter:
    """Tells in one look which rows of a table can occur in a text."""

    def __init__(self, rows: Sequence[TokenFormat]) -> None:
        looks: dict[str, set[int]] = {re2.escape(CANARY): {-1}}
        for index, row in enumerate(rows):
            for literal in row.literals:
                looks.setdefault(_look(row, literal), set()).add(index)
        self._set, self._owners = re2.Set.SearchSet(_options()), list(looks.values())
        for look in looks:
            self._set.Add(look)
        self._set.Compile()

    def find(self, text: str) -> list[int]:
        """Return the indices of the rows whose literals occur in `text`, in order."""
        numbers: list[int] = self._set.Match(text + CANARY) or []
        if numbers == [0]:
            return []  # the canary alone, as in most lines of most logs
        found = set[int]().union(*(self._owners[number] for number in numbers))
        if -1 not in found:
            raise RedactionError("the search for token literals gave no answer")
        return sorted(found - {-1})


class Matches:
    """Tells in one look which rows match: many times as fast as one after the other where they share their literals."""

    def __init__(self, rows: Sequence[TokenFormat]) -> None:
        self._set = re2.Set.SearchSet(_options())
        for pattern in (*(row.pattern for row in rows), re2.escape(CANARY)):
            self._set.Add(pattern)
        self._set.Compile()
        self._canary = len(rows)

    def find(self, text: str) -> set[int]:
        """Return the indices of the rows that match; `text` is no part of a larger one for rows that speak of its edges."""
        found = set[int](self._set.Match(f"{text}\n{CANARY}") or ())
        if self._canary not in found:
            raise RedactionError("the search for token formats gave no answer")
        return found - {self._canary}


def _look(row: TokenFormat, literal: str) -> str:
    """What is searched for in the one look: the literal, or the whole pattern where the literal is in many a word."""
    if len(literal) < SELECTIVE:
        return row.pattern
    case = "(?i)" if row.pattern.startswith("(?i") else ""
    edge = r"\b" if row.pattern.startswith(r"\b(") else ""
    return f"{case}{edge}{re2.escape(literal)}"


@cache
def compile_pattern(pattern: str) -> re2._Regexp:
    """Return `pattern` compiled; re2.error when RE2 cannot read it."""
    return re2.compile(pattern, _options())


@cache
def has_edge(pattern: str) -> bool:
    """True when `pattern` speaks of where a text or line begins or ends: such a place may be inside a larger text."""
    return _EDGE.search(_CLASS.sub("", pattern)) is not None


def spans(pattern: re2._Regexp, text: str, group: int = 1) -> Iterator[tuple[int, int]]:
    """Yield where `group` stands in each match. In bytes a match costs less than half, and in ASCII they are the characters."""
    for match in pattern.finditer(text.encode() if text.isascii() else text):
        if match.start(group) >= 0:  # a form may pass over what only looks like it
            yield match.span(group)


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    return options
