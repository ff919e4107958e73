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
import hashlib
import hmac
import json
import os
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.redaction import personal_data
from bridle.trust.redaction.known_values import KnownValues
from bridle.trust.redaction.token_format import Prefilter, RedactionError, TokenFormat, compile_pattern
from bridle.trust.redaction.token_formats import GUESSED, TOKEN_FORMATS

MAX_PASSES = 8
MAX_TEXT_DEPTH = 4  # JSON in a string in JSON in a string…
MAX_JSON_DEPTH = 64
LINES_A_LOOK = 8
LIMIT_S = 5.0  # for a text, however short…
SLOWEST_BYTES_A_S = 500_000  # …and what is added for a long one

_BUILT_IN = ("known", "key", *(row.kind for row in TOKEN_FORMATS))
_PERSONAL = tuple(dict.fromkeys(row.kind for row in personal_data.PERSONAL_FORMATS))
_DROPPED = re.compile(r"\[redaction failed: [0-9]+ bytes dropped\]")

_SECRET_WORDS = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
]
_SECRET_NAME = re.compile(
    rf"(?:{'|'.join(_SECRET_WORDS)}|credentials|(?:api|private|secret|access|signing|encryption|master)key)$"
)
_NOT_SECRET_NAMES = {"nexttoken", "pagetoken", "nextpagetoken", "continuationtoken"}
_NOT_SECRET_VALUE = re.compile(
    r"[a-z]{3}_[0-9a-z]{26}|sha256:[0-9a-f]{64}"
    r"|<<secret:[A-Za-z0-9_.-]{1,256}>>|\[secret-output:[0-9a-f]{16}:[A-Za-z0-9_.-]{1,200}\]"  # what stands for one
)


def _marks(kinds: Sequence[str]) -> re.Pattern[str]:
    secret, personal = "|".join(map(re.escape, kinds)), "|".join(_PERSONAL)
    return re.compile(rf"\[(?:secret:({secret})|personal:({personal})):[0-9a-f]{{4}}\]")


MARK = _marks(_BUILT_IN)
_FORMATS = Prefilter(TOKEN_FORMATS)


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
        self._key = key or os.urandom(32)
        self._rows = (*TOKEN_FORMATS, *rules)
        self._kinds = (*_BUILT_IN, *(row.kind for row in rules))
        self._mark_form = _marks(self._kinds) if rules else MARK
        self._formats = Prefilter(self._rows) if rules else _FORMATS
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
        words = [*(f"[secret:{kind}:" for kind in self._kinds), *(f"[personal:{kind}:" for kind in _PERSONAL)]
        if value.strip() and any(value.strip() in word for word in words):
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
            return text if self._is_plain(text) else self._redact_text(text, 0, _deadline(text))
        except Exception:
            return _dropped(len(text.encode("utf-8", "surrogatepass")))

    def redact_json(self, value: Json) -> Json:
        """Return `value` without its secrets, in keys, values and nested JSON; never raises."""
        try:
            return value if self._is_free(value) else self._redact_value(value, 0, 0, _deadline(value))
        except Exception:
            return _dropped(len(repr(value)))

    def redact_bytes(self, data: bytes) -> bytes:
        """Return `data` as UTF-8 without its secrets, invalid bytes replaced; never raises."""
        return self.redact(data.decode("utf-8", "replace")).encode()

    def count(self, redacted: str) -> Counter[str]:
        """Return how many marks of each kind a text holds, `dropped` among them."""
        found: Counter[str] = Counter(
            secret or personal for secret, personal in self._mark_form.findall(redacted)
        )
        if dropped := len(_DROPPED.findall(redacted)):
            found["dropped"] = dropped
        return found

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return (start, end, kind) of every known value and every token whose own form is unmistakable, in order.

        Raise RedactionError when it cannot be told. Offsets are those of `text`.
        """
        return [span for span in self.find_all(text) if span[2] not in GUESSED]

    def find_all(self, text: str) -> list[tuple[int, int, str]]:
        """As `find`, and with what only its neighbours give away."""
        text = _encodable(text)
        found = [(start, end, "known") for start, end, _ in self._values.find(text)]
        for row in (self._rows[index] for index in self._formats.find(text)):
            spans = (match.span(1) for match in compile_pattern(row.pattern).finditer(text))
            found += [(*span, row.kind) for span in spans if not self._is_harmless(text[slice(*span)])]
        return sorted(found)

    def _is_plain(self, text: str) -> bool:
        """True when one look tells that nothing in `text` is to be redacted: most lines of most logs are like that.

        What JSON escapes could hide (a backslash) and keys that may name a secret are looked at properly.
        """
        if ("\\" in text and "{" in text) or self._formats.find(text) or _NAMES.find(text):
            return False
        return not (self._values and self._values.find(text)) and not (
            self._personal and personal_data.candidates(text)
        )

    def _is_free(self, value: Json) -> bool:
        """As `_is_plain` for JSON: one search over all texts at once takes a fiftieth of searching each."""
        texts: list[str] = []
        if not _gather(value, texts, 0):
            return False
        joined = "\0".join(texts)
        if joined != _encodable(joined) or self._formats.find(joined):
            return False
        return not (self._values and self._values.find(joined)) and not (
            self._personal and personal_data.candidates(joined)
        )

    def _redact_text(self, text: str, depth: int, until: float) -> str:
        for _ in range(MAX_PASSES):
            if time.monotonic() > until:
                raise RedactionError("it takes too long")
            redacted = self._mask_formats(self._mask_nested(self._mask_known(text), depth, until))
            if self._personal:
                redacted = self._mask_personal(redacted)
            if redacted == text:
                return text
            text = redacted
        raise RedactionError("the text does not come to rest")

    def _mask_known(self, text: str) -> str:
        return _replace(
            text, [(start, end, self._mark("known", value)) for start, end, value in self._values.find(text)]
        )

    def _mask_nested(self, text: str, depth: int, until: float) -> str:
        """Redact a text that is JSON as JSON, or else its lines that are; left as it is spelled when there was nothing."""
        if "{" not in text and "[" not in text:
            return text
        try:
            return self._mask_document(text, depth, until)
        except ValueError:
            lines = text.split("\n")
        return text if len(lines) == 1 else "\n".join(self._mask_lines(lines, depth, until))

    def _mask_lines(self, lines: list[str], depth: int, until: float) -> list[str]:
        """Look properly at those alone that one look, at a few at a time, does not clear."""
        masked: list[str] = []
        for place in range(0, len(lines), LINES_A_LOOK):
            few = lines[place : place + LINES_A_LOOK]
            is_plain = self._is_plain("\n".join(few))
            masked += few if is_plain else [self._mask_line(line, depth, until) for line in few]
        return masked

    def _mask_line(self, line: str, depth: int, until: float) -> str:
        if self._is_plain(line):
            return line
        try:
            return self._mask_document(line, depth, until)
        except ValueError:
            return line
        except RedactionError:
            return _dropped(len(line.encode()))

    def _mask_document(self, text: str, depth: int, until: float) -> str:
        """Raise ValueError when it is not JSON."""
        if not text.lstrip().startswith(("{", "[")):
            raise ValueError("no JSON")
        value = json.loads(text)
        if depth >= MAX_TEXT_DEPTH:
            raise RedactionError("JSON nested in strings too deeply")
        if self._is_free(value):
            return text
        redacted = self._redact_value(value, 0, depth + 1, until)
        return text if redacted == value else json.dumps(redacted, ensure_ascii=False)

    def _mask_formats(self, text: str) -> str:
        for index in self._formats.find(text):
            text = self._mask_format(self._rows[index], text)
        return text

    def _mask_format(self, row: TokenFormat, text: str) -> str:
        spans = (match.span(1) for match in compile_pattern(row.pattern).finditer(text))
        found = [(start, end, text[start:end]) for start, end in spans]
        return _replace(
            text,
            [
                (start, end, self._mark(row.kind, value))
                for start, end, value in found
                if not self._is_harmless(value)
            ],
        )

    def _mask_personal(self, text: str) -> str:
        found = personal_data.find_personal(text)
        return _replace(
            text,
            [(start, end, self._mark(kind, text[start:end], "personal")) for start, end, kind in found],
        )

    def _redact_value(self, value: Json, depth: int, text_depth: int, until: float) -> Json:
        if depth > MAX_JSON_DEPTH:
            raise RedactionError("JSON nested too deeply")
        if isinstance(value, str):
            return self._redact_text(_encodable(value), text_depth, until)
        if isinstance(value, Mapping):
            return {
                self._redact_text(_encodable(name), MAX_TEXT_DEPTH - 1, until): self._redact_named(
                    name, item, depth, text_depth, until
                )
                for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._redact_value(item, depth + 1, text_depth, until) for item in value]
        spelled = str(value)
        masked = self._mask_known(spelled)
        if self._personal and not isinstance(value, bool):
            masked = self._mask_personal(masked)
        return value if masked == spelled else masked

    def _redact_named(self, name: str, value: Json, depth: int, text_depth: int, until: float) -> Json:
        if not _names_secret(name):
            return self._redact_value(value, depth + 1, text_depth, until)
        if isinstance(value, (list, tuple)):
            return [self._redact_named(name, item, depth + 1, text_depth, until) for item in value]
        if isinstance(value, (Mapping, bool)) or value is None or self._is_harmless(str(value)):
            return self._redact_value(value, depth + 1, text_depth, until)
        return self._mark("key", str(value))

    def _is_harmless(self, value: str) -> bool:
        return not value or bool(self._mark_form.fullmatch(value) or _NOT_SECRET_VALUE.fullmatch(value))

    def _mark(self, kind: str, value: str, what: str = "secret") -> str:
        suffix = hmac.new(self._key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:4]
        return f"[{what}:{kind}:{suffix}]"


def is_dropped(text: str) -> bool:
    """True when `text` stands for one that could not be redacted."""
    return _DROPPED.fullmatch(text) is not None


def _replace(text: str, found: Sequence[tuple[int, int, str]]) -> str:
    """Put each mark in the place of its span; the spans are in order and do not overlap."""
    pieces, place = [], 0
    for start, end, mark in found:
        pieces += [text[place:start], mark]
        place = end
    return "".join([*pieces, text[place:]]) if pieces else text


def _gather(value: Json, texts: list[str], depth: int) -> bool:
    """Add all texts of `value`; return False where it takes more than a search of its texts to judge it."""
    if depth > MAX_JSON_DEPTH:
        return False
    if isinstance(value, str):
        texts.append(value)
        return not _may_hold_json(value)
    if isinstance(value, Mapping):
        return all(
            not _names_secret(name) and _gather(name, texts, depth) and _gather(item, texts, depth + 1)
            for name, item in value.items()
        )
    if isinstance(value, (list, tuple)):
        return all(_gather(item, texts, depth + 1) for item in value)
    if value is not None and value is not True and value is not False:
        texts.append(str(value))
    return True


def _may_hold_json(text: str) -> bool:
    return text.lstrip().startswith(("{", "[")) or ("\n" in text and ("{" in text or "[" in text))


@lru_cache(maxsize=4096)
def _names_secret(name: str) -> bool:
    plain = re.sub("[^a-z]", "", name.lower())
    return plain not in _NOT_SECRET_NAMES and _SECRET_NAME.search(plain) is not None


def _name_rows() -> tuple[TokenFormat, ...]:
    """Every word that a key can name a secret by, whatever stands between its letters."""
    return tuple(TokenFormat(word, (word,), "(?i)()", "") for word in (*_SECRET_WORDS, "key"))


_NAMES = Prefilter(_name_rows(), between="[^a-z]*")


def _deadline(value: object) -> float:
    size = len(value) if isinstance(value, str) else len(repr(value))
    return time.monotonic() + LIMIT_S + size / SLOWEST_BYTES_A_S


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _dropped(size_bytes: int) -> str:
    return f"[redaction failed: {size_bytes} bytes dropped]"
