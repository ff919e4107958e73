"""Finding values that are known to be secret, in every spelling that ordinary programs give them.

Rules
  1. A value is looked for as it is, in base64 (three alignments, both alphabets), hexadecimal,
     percent-encoded, JSON-escaped (once and twice), HTML-escaped and shell-quoted; the lines of a long value
     also one by one.
  2. Each is looked for a second time with white space and NUL taken out of the text: a wrapped line or UTF-16
     does not hide it.
  3. A value too short to be told from ordinary text is refused: what cannot be masked must not be used.

It does not find what was scrambled on purpose (reversed, encrypted, one letter per line with prose between).
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import re2  # type: ignore[import-untyped]

from bridle.core.errors import InputError

MIN_CHARS = 8
MIN_LINE_CHARS = 16  # a line of a key file; shorter ones ("}", "-----END…") are ordinary text
MAX_CHARS = 16_384  # keeps the automaton of all spellings in memory
AUTOMATON_BYTES = 256 << 20


class KnownValues:
    """The values one process knows, ready to be searched for; adding one builds the automata anew. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: dict[str, str] = {}
        self._direct: re2._Regexp | None = None
        self._joined: re2._Regexp | None = None

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def add(self, name: str, value: str) -> None:
        """Take a value in; raise InputError when it cannot be masked."""
        value = value.strip()
        if not MIN_CHARS <= len(value) <= MAX_CHARS:
            raise InputError(
                f"the secret {name} has {len(value)} characters and cannot be masked in text",
                hint=f"use a value of {MIN_CHARS} to {MAX_CHARS} characters",
                reason="unmaskable-secret",
            )
        lines = [line.strip() for line in value.splitlines()] if "\n" in value else []
        parts = [line for line in lines if len(line) >= MIN_LINE_CHARS and not line.startswith("-----")]
        with self._lock:
            for part in (*parts, value):
                self._spellings.update(dict.fromkeys(spell(part), value))
            self._direct = self._joined = None

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return (start, end, value) of every occurrence, sorted, none overlapping another."""
        with self._lock:
            return self._find(text)

    def _find(self, text: str) -> list[tuple[int, int, str]]:
        if not self._spellings:
            return []
        if self._direct is None or self._joined is None:
            self._direct = _automaton(self._spellings)
            self._joined = _automaton(form for form in map(_join, self._spellings) if len(form) >= MIN_CHARS)
        return _merge([*self._find_direct(self._direct, text), *self._find_joined(self._joined, text)])

    def _find_direct(self, automaton: re2._Regexp, text: str) -> Iterator[tuple[int, int, str]]:
        for match in automaton.finditer(text):
            yield match.start(), match.end(), self._spellings[match.group(0)]

    def _find_joined(self, automaton: re2._Regexp, text: str) -> Iterator[tuple[int, int, str]]:
        joined = _join(text)
        if joined == text or automaton.search(joined) is None:
            return
        places = [place for place, char in enumerate(text) if not (char.isspace() or char == "\0")]
        values = {_join(form): value for form, value in self._spellings.items()}
        for match in automaton.finditer(joined):
            yield places[match.start()], places[match.end() - 1] + 1, values[match.group(0)]


def spell(value: str) -> set[str]:
    """Return every spelling of `value` that is looked for."""
    raw = value.encode("utf-8", "replace")
    forms = {value, *_base64_forms(raw), *_hex_forms(raw), *_percent_forms(value), *_escaped_forms(value)}
    return {form for form in forms if len(form) >= MIN_CHARS}


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The characters that `raw` alone decides, at each of the three places in a group it can begin at."""
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + raw + b"\0\0").decode()
        first, end = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
        yield code[first:end]
        yield code[first:end].replace("+", "-").replace("/", "_")


def _hex_forms(raw: bytes) -> Iterator[str]:
    yield from (raw.hex(), raw.hex().upper(), raw.hex(":"), raw.hex(":").upper())
    yield "".join(f"\\x{byte:02x}" for byte in raw)
    yield "".join(f"%{byte:02X}" for byte in raw)


def _percent_forms(value: str) -> Iterator[str]:
    for text in (quote(value, safe=""), quote(value), quote_plus(value), quote(value, safe="!~*'()")):
        yield text
        yield re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), text)


def _escaped_forms(value: str) -> Iterator[str]:
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        for form in (text, text.replace("/", "\\/"), _escape_html_in_json(text)):
            yield form
            yield json.dumps(form, ensure_ascii=False)[1:-1]
    escaped = html.escape(value)
    yield from (
        escaped,
        escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        html.escape(value, False),
    )
    yield value.replace("'", "'\"'\"'")
    yield value.replace("'", "'\\''")
    yield re.sub(r'([\\"$`])', r"\\\1", value)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)


def _escape_html_in_json(text: str) -> str:
    """As writers do whose JSON may stand in a page."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _join(text: str) -> str:
    return "".join(text.split()).replace("\0", "")


def _automaton(forms: Iterable[str]) -> re2._Regexp:
    options = re2.Options()
    options.longest_match = True
    options.log_errors = False
    options.max_mem = AUTOMATON_BYTES
    return re2.compile("|".join(re2.escape(form) for form in sorted(set(forms))), options)


def _merge(found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    merged: list[tuple[int, int, str]] = []
    for start, end, value in sorted(found, key=lambda item: item[:2]):
        if merged and start < merged[-1][1]:
            first, last, kept = merged[-1]
            merged[-1] = (first, max(last, end), kept)
        else:
            merged.append((start, end, value))
    return merged
