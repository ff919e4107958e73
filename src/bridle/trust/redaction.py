"""Redaction: taking secrets out of text before it goes anywhere, and leaving a typed mark in their place.

Rules, in this order
  1. Values known to be secret are masked in every spelling (trust.known_values), inside anything.
  2. In JSON, whole or nested in a string, the value under a key that names a secret is masked.
  3. Tokens of a documented format are masked (trust.token_formats), by RE2: time is linear in the text.
  4. A mark is `[secret:<kind>:<4 hex>]`; the digits are a keyed hash, so that equal secrets look equal.
  5. Redacting twice changes nothing: the passes are repeated until the text stands still.
  6. Commit hashes, digests, our own ids and what stands for a secret are no secrets and survive.
  7. On any error the text is dropped and `[redaction failed: N bytes dropped]` stands for it.
  8. What was checked is what is returned: invalid UTF-8 is replaced, not carried along.

It does not guess by entropy, and it does not look for personal data.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache

import re2  # type: ignore[import-untyped]

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError
from bridle.trust.known_values import KnownValues
from bridle.trust.token_formats import GUESSED, TOKEN_FORMATS, TokenFormat

MAX_PASSES = 8
MAX_TEXT_DEPTH = 4  # JSON in a string in JSON in a string…
MAX_JSON_DEPTH = 64
# RE2 reports a search that ran out of memory as one that found nothing; this it has to find.
CANARY = "\0bridle\0"

_KINDS = "|".join(["known", "key", *(row.kind for row in TOKEN_FORMATS)])
MARK = re.compile(rf"\[secret:(?:{_KINDS}):[0-9a-f]{{4}}\]")

_SECRET_NAME = re.compile(
    r"(?:password|passwd|pwd|passphrase|secret|token|authorization|cookie|credentials?"
    r"|(?:api|private|secret|access|signing|encryption|master)key)$"
)
_NOT_SECRET_NAMES = {"nexttoken", "pagetoken", "nextpagetoken", "continuationtoken"}
_NOT_SECRET_VALUE = re.compile(
    r"[a-z]{3}_[0-9a-z]{26}|sha256:[0-9a-f]{64}"
    r"|<<secret:[A-Za-z0-9_.-]{1,256}>>|\[secret-output:[0-9a-f]{16}:[A-Za-z0-9_.-]{1,200}\]"  # what stands for one
)


class RedactionError(ExecutionError):
    """A text could not be redacted; it is dropped."""

    default_reason = "redaction-failed"


class Redactor:
    """Takes secrets out of text, JSON and bytes.

    `known` maps the names of secrets to their values. `key` keys the marks' digits: give the same one to
    get the same marks in another process; without one they differ from process to process.
    """

    def __init__(self, known: Mapping[str, str] | None = None, *, key: bytes = b"") -> None:
        self._values = KnownValues()
        self._key = key or os.urandom(32)
        for name, value in (known or {}).items():
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Mask `value` from now on; raise InputError when it is too short or a word of the marks themselves."""
        if value.strip() and any(value.strip() in f"[secret:{kind}:" for kind in _KINDS.split("|")):
            raise InputError(
                f"the secret {name} is a word that redaction marks are made of",
                hint="use another value",
                reason="unmaskable-secret",
            )
        self._values.add(name, value)

    def redact(self, text: str) -> str:
        """Return `text` without its secrets; never raises."""
        try:
            return self._redact_text(_encodable(text), 0)
        except Exception:
            return _dropped(len(text.encode("utf-8", "surrogatepass")))

    def redact_json(self, value: Json) -> Json:
        """Return `value` without its secrets, in keys, values and nested JSON; never raises."""
        try:
            return value if self._is_free(value) else self._redact_value(value, 0, 0)
        except Exception:
            return _dropped(len(repr(value)))

    def redact_bytes(self, data: bytes) -> bytes:
        """Return `data` as UTF-8 without its secrets, invalid bytes replaced; never raises."""
        return self.redact(data.decode("utf-8", "replace")).encode()

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return (start, end, kind) of every known value and every token whose own form is unmistakable, in order.

        Raise RedactionError when it cannot be told. Offsets are those of `text`.
        """
        text = _encodable(text)
        found = [(start, end, "known") for start, end, _ in self._values.find(text)]
        for row in (TOKEN_FORMATS[index] for index in _candidates(text)):
            if row.kind not in GUESSED:
                spans = (match.span(1) for match in _compiled(row.pattern).finditer(text))
                found += [(*span, row.kind) for span in spans if not _is_harmless(text[slice(*span)])]
        return sorted(found)

    def _is_free(self, value: Json) -> bool:
        """True when it is plain at one look that nothing is to be redacted: most facts and requests are like that.

        One search over all texts at once takes a fiftieth of searching each; whatever it finds is then looked at properly.
        """
        texts: list[str] = []
        if self._values or not _gather(value, texts, 0):
            return False
        joined = "\0".join(texts)
        return joined == _encodable(joined) and not _candidates(joined)

    def _redact_text(self, text: str, depth: int) -> str:
        for _ in range(MAX_PASSES):
            redacted = self._mask_formats(self._mask_nested(self._mask_known(text), depth))
            if redacted == text:
                return text
            text = redacted
        raise RedactionError("the text does not come to rest")

    def _mask_known(self, text: str) -> str:
        pieces, place = [], 0
        for start, end, value in self._values.find(text):
            pieces += [text[place:start], self._mark("known", value)]
            place = end
        return "".join([*pieces, text[place:]])

    def _mask_nested(self, text: str, depth: int) -> str:
        """Redact a text that is JSON as JSON; left as it is spelled when there was nothing to redact."""
        if not text.lstrip().startswith(("{", "[")):
            return text
        try:
            value = json.loads(text)
        except ValueError:
            return text
        if depth >= MAX_TEXT_DEPTH:
            raise RedactionError("JSON nested in strings too deeply")
        redacted = self._redact_value(value, 0, depth + 1)
        return text if redacted == value else json.dumps(redacted, ensure_ascii=False)

    def _mask_formats(self, text: str) -> str:
        for index in _candidates(text):
            text = self._mask_format(TOKEN_FORMATS[index], text)
        return text

    def _mask_format(self, row: TokenFormat, text: str) -> str:
        pieces, place = [], 0
        for match in _compiled(row.pattern).finditer(text):
            start, end = match.span(1)
            if not _is_harmless(text[start:end]):
                pieces += [text[place:start], self._mark(row.kind, text[start:end])]
                place = end
        return "".join([*pieces, text[place:]])

    def _redact_value(self, value: Json, depth: int, text_depth: int) -> Json:
        if depth > MAX_JSON_DEPTH:
            raise RedactionError("JSON nested too deeply")
        if isinstance(value, str):
            return self._redact_text(_encodable(value), text_depth)
        if isinstance(value, Mapping):
            return {
                self._redact_text(_encodable(name), MAX_TEXT_DEPTH - 1): self._redact_named(
                    name, item, depth, text_depth
                )
                for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._redact_value(item, depth + 1, text_depth) for item in value]
        spelled = str(value)
        masked = self._mask_known(spelled)
        return value if masked == spelled else masked

    def _redact_named(self, name: str, value: Json, depth: int, text_depth: int) -> Json:
        if not _names_secret(name):
            return self._redact_value(value, depth + 1, text_depth)
        if isinstance(value, (list, tuple)):
            return [self._redact_named(name, item, depth + 1, text_depth) for item in value]
        if isinstance(value, (Mapping, bool)) or value is None or _is_harmless(str(value)):
            return self._redact_value(value, depth + 1, text_depth)
        return self._mark("key", str(value))

    def _mark(self, kind: str, value: str) -> str:
        suffix = hmac.new(self._key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:4]
        return f"[secret:{kind}:{suffix}]"


def _gather(value: Json, texts: list[str], depth: int) -> bool:
    """Add all texts of `value`; return False where it takes more than a search of its texts to judge it."""
    if depth > MAX_JSON_DEPTH:
        return False
    if isinstance(value, str):
        texts.append(value)
        return not value.lstrip().startswith(("{", "["))
    if isinstance(value, Mapping):
        return all(
            not _names_secret(name) and _gather(name, texts, depth) and _gather(item, texts, depth + 1)
            for name, item in value.items()
        )
    if isinstance(value, (list, tuple)):
        return all(_gather(item, texts, depth + 1) for item in value)
    return True  # numbers, true, false, null: nothing but a known value could be in them


@lru_cache(maxsize=4096)
def _names_secret(name: str) -> bool:
    plain = re.sub("[^a-z]", "", name.lower())
    return plain not in _NOT_SECRET_NAMES and _SECRET_NAME.search(plain) is not None


def _is_harmless(value: str) -> bool:
    return not value or bool(MARK.fullmatch(value) or _NOT_SECRET_VALUE.fullmatch(value))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _dropped(size_bytes: int) -> str:
    return f"[redaction failed: {size_bytes} bytes dropped]"


def _candidates(text: str) -> list[int]:
    """Return the indices of the formats whose literals occur in `text`, in order."""
    literals, owners = _prefilter()
    found = {owners[number] for number in literals.Match(text + CANARY) or ()}
    if -1 not in found:
        raise RedactionError("the search for token literals gave no answer")
    return sorted(found - {-1})


@cache
def _prefilter() -> tuple[re2.Set, list[int]]:
    options = re2.Options()
    options.literal = True
    options.case_sensitive = False
    literals, owners = re2.Set.SearchSet(options), []
    for index, row in enumerate(TOKEN_FORMATS):
        for literal in row.literals:
            literals.Add(literal)
            owners.append(index)
    literals.Add(CANARY)
    literals.Compile()
    return literals, [*owners, -1]


@cache
def _compiled(pattern: str) -> re2._Regexp:
    return re2.compile(pattern)
