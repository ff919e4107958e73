"""A position in a text, for a parser: take a token, or fail with the offset of the cause."""

from __future__ import annotations

import re
from typing import NoReturn

from bridle.pipeline.functions import ExpressionError

MOST_TOKENS = 5_000

_BLANKS = re.compile(r"[ \t\r\n]*")


class Cursor:
    """Stands at the offset `at` of `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._tokens = 0

    def skip(self) -> None:
        """Pass over blanks."""
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def take(self, token: str) -> bool:
        """Pass over blanks and `token`; False when it isn't there."""
        self.skip()
        if not self.text.startswith(token, self.at):
            return False
        self.count()
        self.at += len(token)
        return True

    def match(self, pattern: re.Pattern[str]) -> str:
        """Take what `pattern` matches right here; empty when it does not."""
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match.group() if match else ""

    def count(self) -> None:
        """Count one token; too many are refused."""
        self._tokens += 1
        if self._tokens > MOST_TOKENS:
            self.fail(f"more than {MOST_TOKENS} tokens", reason="too-long", hint="split the expression")

    def fail(self, what: str, *, at: int | None = None, hint: str, reason: str = "") -> NoReturn:
        """Raise ExpressionError for the place `at`, or for where the cursor stands."""
        raise ExpressionError(what, offset=self.at if at is None else at, hint=hint, reason=reason)
