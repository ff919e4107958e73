"""Finding values that are known to be secret, in every spelling that ordinary programs give them.

Rules
  1. A value is looked for as it is and in normal form (trust.redaction.normal_form), which undoes what escapes and quotes:
     JSON, percent, HTML, octal and hexadecimal escapes, shells, wrapped lines, UTF-16, of one character or of all.
  2. Encodings that leave no character as it was are looked for by what they make of the value: base64 (three alignments, both
     alphabets; of UTF-8, of UTF-16, of base64), base32, base85 (whole groups), hexadecimal, lists of bytes, quoted-printable.
  3. The lines of a long value are looked for one by one as well.
  4. A value too short to be told from ordinary text is refused: what cannot be masked must not be used.

It does not find what was scrambled on purpose (reversed, encrypted, one letter per line with prose between).
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import re2  # type: ignore[import-untyped]

from bridle.core.errors import InputError
from bridle.trust.redaction.normal_form import Reading, Step, has_escapes, normal_form
from bridle.trust.redaction.token_format import spans

MIN_CHARS = 8
MIN_LINE_CHARS = 16  # a line of a key file; shorter ones ("}", "-----END…") are ordinary text
MAX_CHARS = 16_384  # keeps the automaton of all spellings in memory
AUTOMATON_BYTES = 256 << 20
_SOFT_BREAK = re.compile(r"=\r?\n")


class KnownValues:
    """The values one process knows, ready to be searched for; adding one builds the automata anew. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: dict[str, str] = {}
        self._forms: dict[str, str] = {}
        self._has_short = False  # a spelling of which too little is left in normal form
        self._automata: tuple[re2._Regexp, re2._Regexp] | None = None

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
                spellings = spell(part)
                self._spellings.update(dict.fromkeys(spellings, value))
                self._has_short |= any(len(normal_form(form)) < MIN_CHARS for form in spellings)
                self._forms.update(dict.fromkeys(_normal_forms(part), value))
            self._automata = None

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """Return (start, end, value) of every occurrence, sorted, none overlapping another."""
        if not self._spellings:
            return []
        with self._lock:
            return self._find(text)

    def _find(self, text: str) -> list[tuple[int, int, str]]:
        if self._automata is None:
            self._automata = _automaton(self._spellings), _automaton(self._forms)
        found = self._find_in(text, *self._automata)
        if "=\n" in text or "=\r\n" in text:  # quoted-printable wraps its lines so
            unwrapped = Step(text, _SOFT_BREAK, lambda _: "")
            more = self._find_in(_SOFT_BREAK.sub("", text), *self._automata)
            found += (
                (unwrapped.first(start), unwrapped.last(end - 1) + 1, value) for start, end, value in more
            )
        return _merge(found) if found else []

    def _find_in(self, text: str, plain: re2._Regexp, normal: re2._Regexp) -> list[tuple[int, int, str]]:
        form = normal_form(text)
        hidden = list(spans(normal, form, 0))
        if not (hidden or self._has_short or has_escapes(text)):
            return []  # nothing but white space and quotes was left out: what stands in the text would stand in the form
        found = [(*span, self._spellings[text[slice(*span)]]) for span in spans(plain, text, 0)]
        if hidden and form != text:
            reading = Reading(text)
            found += ((*reading.span(*span), self._forms[form[slice(*span)]]) for span in hidden)
        return found


def spell(value: str) -> set[str]:
    """Return every spelling of `value` that is looked for in a text as it stands."""
    forms = {value, *_encoded_forms(value)}
    if len(normal_form(value)) < MIN_CHARS:  # too little of it is left to be found in normal form
        forms.update(_escaped_forms(value))
    return {form for form in forms if len(form) >= MIN_CHARS}


def _normal_forms(value: str) -> set[str]:
    """Return what is looked for in a text's normal form; `+` is how forms of web pages write a space."""
    forms = map(normal_form, (value, value.replace(" ", "+"), *_encoded_forms(value)))
    return {form for form in forms if len(form) >= MIN_CHARS}


def _encoded_forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "replace")
    wide = [value.encode(encoding, "replace") for encoding in ("utf-16-le", "utf-16-be")]
    for code in (raw, *wide):
        yield from _base64_forms(code)
        yield from (code.hex(), code.hex().upper())
    for form in set(_base64_forms(raw)):
        yield from _base64_forms(form.encode())
    yield from _base32_forms(raw)
    yield from _base85_forms(raw)
    yield "".join(chr(byte) if 32 <= byte <= 126 and byte != ord("=") else f"={byte:02X}" for byte in raw)
    for byte, between in (
        ("={:02X}", ""),
        ("{:02x}", ":"),
        ("{:02X}", ":"),
        ("0x{:02x}", ","),
        ("0x{:02X}", ","),
        ("{}", ","),
    ):
        yield between.join(map(byte.format, raw))


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The characters that `raw` alone decides, at each of the three places in a group it can begin at."""
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + raw + b"\0\0").decode()
        first, end = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
        yield code[first:end]
        yield code[first:end].replace("+", "-").replace("/", "_")


def _base32_forms(raw: bytes) -> Iterator[str]:
    for shift in range(5):
        code = base64.b32encode(b"\0" * shift + raw + b"\0" * 4).decode()
        part = code[-(-shift * 8 // 5) : (shift + len(raw)) * 8 // 5]
        yield part
        yield part.lower()


def _base85_forms(raw: bytes) -> Iterator[str]:
    """A character stands for a part of four bytes, so only whole groups are told; by itself a value has its end as well."""
    for code in (base64.b85encode, base64.a85encode):
        yield code(raw).decode()
        for skipped in range(4):
            groups = raw[skipped : skipped + (len(raw) - skipped) // 4 * 4]
            yield code(groups).decode()


def _escaped_forms(value: str) -> Iterator[str]:
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text
        yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield from (quote(value, safe=""), quote(value), html.escape(value), html.escape(value, False))
    yield value.replace("'", "'\"'\"'")
    yield value.replace("'", "'\\''")
    yield re.sub(r'([\\"$`])', r"\\\1", value)


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
