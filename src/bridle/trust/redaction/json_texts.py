"""All texts of a JSON value in a row, so that one search looks at all of them, and put back where they stood.

A key and what stands under it are joined as JSON joins them: what only a word beside it gives away is found there too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from bridle.core.canonical import Json
from bridle.trust.redaction.secret_names import names_secret, pairs_secret
from bridle.trust.redaction.token_format import RedactionError

MAX_DEPTH = 64
OBJECT = (dict, Mapping)  # a dict is told at once
BEHIND_KEY, BETWEEN = '": "', '"\0"'


class JsonTexts:
    """The texts of `value`: keys, strings and numbers, in order.

    `is_flat` where none of them may hold JSON itself; `names_secret` where a key or a pair does.
    RedactionError for JSON without end.
    """

    def __init__(self, value: Json) -> None:
        self._value, self._pieces = value, list[str]()
        self.names_secret = False
        self._gather(value, 0)
        self.joined = "".join(self._pieces)
        self.is_flat = ("{" not in self.joined and "[" not in self.joined) or not any(
            map(may_hold_json, self._pieces)
        )

    def _gather(self, value: Json, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise RedactionError("JSON nested too deeply")
        pieces = self._pieces
        if value is None or value is True or value is False:
            return
        if isinstance(value, str):
            pieces += (value, BETWEEN)
        elif isinstance(value, OBJECT):
            self._gather_object(value, depth)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self._gather(item, depth + 1)
        else:
            pieces += (str(value), BETWEEN)

    def _gather_object(self, value: Mapping[str, Json], depth: int) -> None:
        pieces = self._pieces
        if ("value" in value or "Value" in value) and pairs_secret(value):  # most are not: a call less
            self.names_secret = True
        for name, item in value.items():
            if names_secret(name):
                self.names_secret = True
            if type(item) is str:  # most are: a call less
                pieces += (name, BEHIND_KEY, item, BETWEEN)
            else:
                pieces += (name, BEHIND_KEY)
                self._gather(item, depth + 1)

    def replace(self, found: Sequence[tuple[int, int, str]]) -> Json:
        """Return the value with each span of the joined texts replaced; spans are in order and do not overlap.

        Of a span that reaches from one text into another, each loses its part.
        """
        return self._rebuild(self._value, self._replaced(found))

    def _replaced(self, found: Sequence[tuple[int, int, str]]) -> Iterator[str]:
        spans, start = list(reversed(found)), 0
        for number, piece in enumerate(self._pieces):
            end, parts, place = start + len(piece), list[str](), start
            while spans and spans[-1][0] < end:
                first, last, mark = spans[-1]
                if last > start and first < end:
                    parts += (piece[place - start : max(first, start) - start], mark)
                    place = min(last, end)
                if last > end:
                    break
                spans.pop()
            if number % 2 == 0:
                yield "".join((*parts, piece[place - start :])) if parts else piece
            start = end

    def _rebuild(self, value: Json, pieces: Iterator[str]) -> Json:
        if isinstance(value, str):
            return next(pieces)
        if isinstance(value, Mapping):
            return {next(pieces): self._rebuild(item, pieces) for item in value.values()}
        if isinstance(value, (list, tuple)):
            return [self._rebuild(item, pieces) for item in value]
        if value is None or value is True or value is False:
            return value
        piece = next(pieces)
        return value if piece == str(value) else piece


def may_hold_json(text: str) -> bool:
    """True when `text` may be JSON, or lines of it."""
    return text.lstrip().startswith(("{", "[")) or ("\n" in text and ("{" in text or "[" in text))


def load_json(text: str) -> tuple[Json, bool]:
    """Return what JSON says, and False when a name stands twice in it: what the first one says is not in the value."""
    twice = []

    def gather(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        value = dict(pairs)
        if len(value) < len(pairs):
            twice.append(value)
        return value

    return json.loads(text, object_pairs_hook=gather), not twice


def is_json(text: str) -> bool:
    """True for JSON, and for nothing at all."""
    if not text or text.isspace():
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
