"""Redaction: taking secrets out of text before it goes anywhere, and leaving a typed mark in their place.

Rules, in this order
  1. Values known to be secret are masked in every spelling (trust.known_values), inside anything.
  2. In JSON, whole, a line of a text, or nested in a string, the value under a key that names a secret is masked.
  3. Tokens of a documented format (trust.token_formats) or a rule of the user's are masked, by RE2: time is linear in the text.
  4. Where personal data is to go as well, what has the form of one (trust.personal_data) is masked.
  5. A mark is `[secret:<kind>:<4 hex>]` or `[personal:<kind>:<4 hex>]`; a keyed hash gives the digits: equal values look equal.
  6. Redacting twice changes nothing: the passes are repeated until the text stands still.
  7. Commit hashes, digests, our own ids and what stands for a secret are no secrets and survive.
  8. On any error, and when it takes too long, the text is dropped and `[redaction failed: N bytes dropped]` stands for it.
  9. What was checked is what is returned: invalid UTF-8 is replaced, not carried along.

It does not guess by entropy. Streams are cut for it by trust.redaction_stream.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.redaction import personal_data
from bridle.trust.redaction.json_texts import JsonTexts, is_json, load_json, may_hold_json
from bridle.trust.redaction.known_values import KnownValues
from bridle.trust.redaction.marks import PERSONAL, Marks, dropped, replace, replace_in_text
from bridle.trust.redaction.secret_names import (
    NAMES,
    has_secret_key,
    is_no_secret,
    leaves,
    names_secret,
    pairs_secret,
)
from bridle.trust.redaction.token_format import (
    Prefilter,
    RedactionError,
    TokenFormat,
    compile_pattern,
    has_edge,
    spans,
)
from bridle.trust.redaction.token_formats import GUESSED, TOKEN_FORMATS, sift

MAX_PASSES = 8
MAX_TEXT_DEPTH = 4  # JSON in a string in JSON in a string…
LINES_A_LOOK = 8
LONG_CHARS = 16_384  # so long a text is looked at in its parts rather than for keys
LIMIT_S = 5.0  # for a text, however short…
SLOWEST_BYTES_A_S = 500_000  # …and what is added for a long one

_FORMATS = Prefilter((*TOKEN_FORMATS, *NAMES))


class _Look(NamedTuple):
    """What one look at a text tells: the known values in it, which formats may be, and whether it has to be read as JSON."""

    known: list[tuple[int, int, str]]
    rows: list[int]
    personal: bool
    to_read: bool


class _Tokens(NamedTuple):
    """The rows whose tokens may occur, and what at least one of their literals is in small letters."""

    rows: list[int]
    literals: tuple[str, ...]

    @classmethod
    def of(cls, table: Sequence[TokenFormat], rows: list[int]) -> _Tokens:
        return cls(rows, tuple(literal.lower() for row in rows for literal in table[row].literals))


class Redactor:
    """Takes secrets out of text, JSON and bytes.

    `known` maps the names of secrets to their values. `key` keys the marks' digits: give the same one to
    get the same marks in another process; without one they differ from process to process. `rules` are the user's own
    formats (trust.redaction_rules); with `personal`, personal data goes as well.
    """

    def __init__(
        self,
        known: Mapping[str, str] | None = None,
        *,
        key: bytes = b"",
        rules: Sequence[TokenFormat] = (),
        personal: bool = False,
    ) -> None:
        self._values = KnownValues()
        self._marks = Marks(key or os.urandom(32), kinds=[row.kind for row in rules])
        self._rows = (*TOKEN_FORMATS, *rules)
        self._formats = Prefilter((*self._rows, *NAMES)) if rules else _FORMATS
        self._personal = personal
        for name, value in (known or {}).items():
            self.add(name, value)

    def with_personal(self) -> Redactor:
        """Return one that takes out personal data as well, and knows whatever this one knows and will know."""
        other = copy.copy(self)
        other._personal = True
        return other

    def add(self, name: str, value: str) -> None:
        """Mask `value` from now on; raise InputError when it is too short or a word of the marks themselves."""
        if value.strip() and self._marks.is_word_of(value.strip()):
            raise InputError(
                f"the secret {name} is a word that redaction marks are made of",
                hint="use another value",
                reason="unmaskable-secret",
            )
        self._values.add(name, value)

    def redact(self, text: str) -> str:
        """Return `text` without its secrets; never raises."""
        try:
            text = _encodable(text)
            return text if self._is_clear(text) else self._redact_text(text, 0, _deadline(text))
        except Exception:
            return dropped(len(text.encode("utf-8", "surrogatepass")))

    def redact_json(self, value: Json) -> Json:
        """Return `value` without its secrets, in keys, values and nested JSON; never raises."""
        try:
            return self._redact_value(value, 0, math.inf)
        except Exception:
            return dropped(len(repr(value)))

    def redact_lines(self, lines: Sequence[str]) -> list[str | None]:
        """Return lines of JSON without their secrets, as they were spelled where there was nothing; None for what is no JSON."""
        try:
            return self._redact_lines([_encodable(line) for line in lines])
        except Exception:
            return [json.dumps(dropped(len(line))) for line in lines]

    def redact_bytes(self, data: bytes) -> bytes:
        """Return `data` as UTF-8 without its secrets, invalid bytes replaced; never raises."""
        return self.redact(data.decode("utf-8", "replace")).encode()

    def count(self, redacted: str) -> Counter[str]:
        """Return how many marks of each kind a text holds, `dropped` among them."""
        return self._marks.count(redacted)

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return (start, end, kind) of every known value and every token whose own form is unmistakable, in order.

        Raise RedactionError when it cannot be told. Offsets are those of `text`.
        """
        return [span for span in self.find_all(text) if span[2] not in GUESSED]

    def find_all(self, text: str) -> list[tuple[int, int, str]]:
        """As `find`, and with what only its neighbours give away."""
        text = _encodable(text)
        found = [(start, end, "known") for start, end, _ in self._values.find(text)]
        for row in (self._rows[index] for index in self._hints(text)[0]):
            found += [
                (*span, row.kind)
                for span in spans(compile_pattern(row.pattern), text)
                if not self._is_harmless(text[slice(*span)])
            ]
        return sorted(found)

    def _is_clear(self, text: str) -> bool:
        """True when one look tells that nothing is to be done: most lines of most logs are like that."""
        if ("\\" in text and ("{" in text or "[" in text)) or self._formats.find(text):
            return False
        return not (self._values.find(text) or (self._personal and personal_data.candidates(text)))

    def _look(self, text: str) -> _Look:
        """Tell in one look what `text` needs.

        JSON is read where escapes could hide something (a backslash), where a key names a secret, and where a token is known
        by where its text begins or ends; else its texts stand in it as they are.
        """
        rows, may_name = self._hints(text)
        is_edged = any(has_edge(self._rows[row].pattern) for row in rows)
        return _Look(
            self._values.find(text),
            rows,
            personal=self._personal and bool(personal_data.candidates(text)),
            to_read=("{" in text or "[" in text)
            and ("\\" in text or is_edged or (may_name and (len(text) > LONG_CHARS or has_secret_key(text)))),
        )

    def _hints(self, text: str) -> tuple[list[int], bool]:
        """Return the rows that may occur in `text`, and whether a name may that names a secret."""
        found = self._formats.find(text)
        rows = [index for index in found if index < len(self._rows)]
        return sift(text, rows), len(rows) < len(found)

    def _redact_text(self, text: str, depth: int, until: float) -> str:
        for _ in range(MAX_PASSES):
            _check(until)
            look = self._look(text)
            redacted = self._mask_known(text, look.known)
            if look.to_read:
                redacted = self._mask_nested(redacted, depth, until)
            redacted = self._mask_formats(redacted, look.rows)
            if look.personal:
                redacted = self._mask_personal(redacted)
            if redacted == text or not self._finds(redacted):
                return redacted
            text = redacted
        raise RedactionError("the text does not come to rest")

    def _finds(self, text: str) -> bool:
        """True when something is to be masked in a text whose JSON has come to rest."""
        return bool(self.find_all(text) or (self._personal and personal_data.find_personal(text)))

    def _mask_known(self, text: str, found: list[tuple[int, int, str]]) -> str:
        return replace_in_text(
            text, [(start, end, self._marks.mark("known", value)) for start, end, value in found]
        )

    def _mask_nested(self, text: str, depth: int, until: float) -> str:
        """Redact a text that is JSON as JSON, or else its lines that are; left as it is spelled when there was nothing."""
        try:
            return self._mask_document(text, depth, until)
        except ValueError:
            if "\n" not in text:
                return text
        whole = self._mask_formats(text, self._hints(text)[0], over_lines=True)
        return "\n".join(self._mask_lines(whole.split("\n"), depth, until))

    def _mask_lines(self, lines: list[str], depth: int, until: float) -> list[str]:
        """Read those alone that one look, at a few at a time, does not clear."""
        masked: list[str] = []
        for place in range(0, len(lines), LINES_A_LOOK):
            few = lines[place : place + LINES_A_LOOK]
            is_to_read = self._look("\n".join(few)).to_read
            masked += [self._mask_line(line, depth, until) for line in few] if is_to_read else few
        return masked

    def _mask_line(self, line: str, depth: int, until: float) -> str:
        try:
            return self._redact_text(line, depth, until)
        except RedactionError:
            return dropped(len(line.encode()))

    def _mask_document(self, text: str, depth: int, until: float) -> str:
        """Raise ValueError when it is not JSON."""
        if not text.lstrip().startswith(("{", "[")):
            raise ValueError("no JSON")
        value, is_whole = load_json(text)
        if depth >= MAX_TEXT_DEPTH:
            raise RedactionError("JSON nested in strings too deeply")
        redacted = self._redact_value(value, depth + 1, until)
        return text if is_whole and redacted == value else json.dumps(redacted, ensure_ascii=False)

    def _redact_lines(self, lines: list[str]) -> list[str | None]:
        """Look at all at once, then at a few, then at each: the fewer looks, the faster."""
        look = self._look(text := "\n".join(lines))
        if not (look.known or look.to_read or self._has_named(text, look.rows)):
            masked = self._mask_formats(text, look.rows)
            parted = (self._mask_personal(masked) if look.personal else masked).split("\n")
            if len(parted) == len(lines):
                return [
                    spelled if is_json(spelled) else self._redact_line(line)
                    for line, spelled in zip(lines, parted, strict=True)
                ]
        if len(lines) == 1:
            return [self._redact_line(lines[0])]
        size = LINES_A_LOOK if len(lines) > LINES_A_LOOK else 1
        few = (lines[place : place + size] for place in range(0, len(lines), size))
        return [line for some in few for line in self._redact_lines(some)]

    def _has_named(self, text: str, rows: Sequence[int]) -> bool:
        """True where a key and its value stand in a text: what is one and what is only in a string, reading tells."""
        named = (self._rows[row].pattern for row in rows if self._rows[row].kind == "named")
        return any(True for pattern in named for _ in spans(compile_pattern(pattern), text))

    def _redact_line(self, line: str) -> str | None:
        try:
            value, is_whole = load_json(line)
        except (ValueError, RecursionError):
            return None
        redacted = self.redact_json(value)
        return line if is_whole and redacted == value else json.dumps(redacted, ensure_ascii=False)

    def _mask_formats(self, text: str, rows: Sequence[int], *, over_lines: bool = False) -> str:
        """Mask the tokens of `rows`; with `over_lines` those alone that reach over lines."""
        for row in (self._rows[index] for index in rows):
            found = [(*span, text[slice(*span)]) for span in spans(compile_pattern(row.pattern), text)]
            text = replace(
                text,
                [
                    (start, end, self._marks.mark(row.kind, value))
                    for start, end, value in found
                    if not self._is_harmless(value) and (not over_lines or "\n" in value)
                ],
            )
        return text

    def _mask_personal(self, text: str) -> str:
        for _ in range(MAX_PASSES):
            if not (found := self._personal_spans(text)):
                return text
            text = replace_in_text(text, found)
        raise RedactionError("the text does not come to rest")

    def _personal_spans(self, text: str) -> list[tuple[int, int, str]]:
        found = personal_data.find_personal(text)
        return [(start, end, self._marks.mark(kind, text[start:end], PERSONAL)) for start, end, kind in found]

    def _redact_value(self, value: Json, depth: int, until: float) -> Json:
        """`depth` says in how many strings of JSON it stood. One search over all texts costs a fiftieth of searching each."""
        for _ in range(MAX_PASSES):
            texts = JsonTexts(value)
            until = min(until, _deadline(texts.joined))
            _check(until)
            masked = self._mask_value(value, texts, depth, until)
            if masked is value or masked == value:
                return value
            value = masked
        raise RedactionError("the text does not come to rest")

    def _mask_value(self, value: Json, texts: JsonTexts, depth: int, until: float) -> Json:
        if texts.names_secret and (masked := self._mask_named(value)) != value:
            return masked
        joined = _encodable(texts.joined)
        if known := self._values.find(joined):
            return texts.replace([(start, end, self._marks.mark("known", one)) for start, end, one in known])
        rows, _ = self._hints(joined)
        if rows or not texts.is_flat or joined != texts.joined:
            masked = self._redact_each(value, _Tokens.of(self._rows, rows), depth, until)
            if masked != value:
                return masked
        found = self._personal_spans(joined) if self._personal else []
        return texts.replace(found) if found else value

    def _redact_each(self, value: Json, tokens: _Tokens, depth: int, until: float) -> Json:
        """Redact what a search of all texts at once does not: JSON in a text, and tokens that begin or end with it."""
        if isinstance(value, str):
            return self._redact_one(value, tokens, depth, until)
        if isinstance(value, Mapping):
            return {
                self._redact_one(name, tokens, MAX_TEXT_DEPTH - 1, until): self._redact_each(
                    item, tokens, depth, until
                )
                for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._redact_each(item, tokens, depth, until) for item in value]
        return value

    def _redact_one(self, text: str, tokens: _Tokens, depth: int, until: float) -> str:
        text = _encodable(text)
        if may_hold_json(text):
            return self._redact_text(text, depth, until)
        small = text.lower()
        is_possible = any(literal in small for literal in tokens.literals)
        return self._mask_formats(text, tokens.rows) if is_possible else text

    def _mask_named(self, value: Json) -> Json:
        """Put a mark in the place of whatever stands under a name that names a secret, of any shape."""
        if isinstance(value, Mapping):
            said = ("value", "Value") if pairs_secret(value) else ()
            return {
                name: self._mark_whole(item)
                if (name in said or names_secret(name)) and not all(map(self._is_harmless, leaves(item)))
                else self._mask_named(item)
                for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._mask_named(item) for item in value]
        return value

    def _mark_whole(self, value: Json) -> str:
        is_one = isinstance(value, (str, int, float))
        return self._marks.mark("key", str(value) if is_one else json.dumps(value, sort_keys=True))

    def _is_harmless(self, value: str) -> bool:
        return is_no_secret(value) or self._marks.is_mark(value)


def _check(until: float) -> None:
    if time.monotonic() > until:
        raise RedactionError("it takes too long")


def _deadline(text: str) -> float:
    return time.monotonic() + LIMIT_S + len(text) / SLOWEST_BYTES_A_S


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
