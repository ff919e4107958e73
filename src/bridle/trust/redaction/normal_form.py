"""The form in which all ordinary spellings of a text are one: escapes read, white space and quotes left out.

Rules
  1. Escapes are read wherever they stand, one character or all: `\\u0061`, `\\x61`, `\\141`, `\\u{61}`, `%61`, `%u0061`, `&#97;`,
     `&#x61;`, `&quot;`. What that yields is read again, up to MAX_READINGS times: JSON in JSON, `%2561`, `&amp;#97;`.
  2. White space, NUL, quotes, backslashes and a terminal's colours are left out: a wrapped line, UTF-16, the quoting of shells
     and what a search has marked hide nothing.
  3. A text and what is looked for in it are brought into this form alike, so what they have in common survives.

It knows where in the text each part of the form came from (`Reading.span`), and nothing of what is looked for.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from html.entities import html5

MAX_READINGS = 4

_LEFT_OUT = "\0'\"`\\\u00ad\u200b\u200c\u200d\u2060\ufeff"
_COLOUR = r"\x1b\[[0-9;]{0,32}[A-Za-z]"
_COLOURS = re.compile(_COLOUR)
_LEAVE_OUT = re.compile(rf"(?:[\s{re.escape(_LEFT_OUT)}]|{_COLOUR})+")
_ASCII_TABLE = {ord(char): None for char in map(chr, range(128)) if _LEAVE_OUT.match(char)}
# Every part is bounded or a run of like parts, so a search takes time in proportion to the text.
_SLASHES = r"\\{1,8}"  # JSON in JSON has two, in that four
_ESCAPE = re.compile(
    rf"((?:{_SLASHES}u[0-9a-fA-F]{{4}})+|{_SLASHES}(?:U[0-9a-fA-F]{{8}}|[ux]\{{[0-9a-fA-F]{{1,6}}\}})"
    rf"|(?:{_SLASHES}x[0-9a-fA-F]{{2}})+|(?:{_SLASHES}[0-3]?[0-7]{{1,2}})+|{_SLASHES}[nrtfv]"
    r"|(?:%[0-9a-fA-F]{2})+|(?:%u[0-9a-fA-F]{4})+"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)"
)


class Reading:
    """Where each part of the normal form of `text` stood."""

    def __init__(self, text: str) -> None:
        readings = [text, *_readings(text)]
        self._steps = [Step(readings.pop(), _LEAVE_OUT, lambda _: "")]
        self._steps += (Step(reading, _ESCAPE, _character) for reading in reversed(readings))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the text stands what is at `start` to `end` of the form; escapes count whole."""
        last = end - 1
        for step in self._steps:
            start, last = step.first(start), step.last(last)
        return start, last + 1


class Step:
    """One pass of replacing, to be gone back: where each stretch of the outcome began in what it was made of."""

    def __init__(self, text: str, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> None:
        self._made, self._from, self._is_verbatim = [0], [0], [True]
        self._length = len(text)
        made = place = 0
        for match in pattern.finditer(text):
            made += match.start() - place
            self._add(made, match.start(), is_verbatim=False)
            made, place = made + len(replace(match)), match.end()
            self._add(made, place, is_verbatim=True)

    def _add(self, made: int, came_from: int, *, is_verbatim: bool) -> None:
        self._made.append(made)
        self._from.append(came_from)
        self._is_verbatim.append(is_verbatim)

    def first(self, place: int) -> int:
        """Return where the character began that `place` of the outcome was made of."""
        index = bisect_right(self._made, place) - 1
        return self._from[index] + (place - self._made[index] if self._is_verbatim[index] else 0)

    def last(self, place: int) -> int:
        """Return where it ended, the last character included."""
        index = bisect_right(self._made, place) - 1
        if self._is_verbatim[index]:
            return self._from[index] + place - self._made[index]
        return self._from[index + 1] - 1


def normal_form(text: str) -> str:
    """Return the normal form of `text`."""
    for reading in _readings(text):
        text = reading
    return _leave_out(text)


def has_escapes(text: str) -> bool:
    """True when the form of `text` may hold more than is left of it without white space and quotes."""
    return "\\" in text or "%" in text or "&" in text


def _readings(text: str) -> Iterator[str]:
    """Yield what the text says, what that says, and so on until there is no escape in it."""
    for _ in range(MAX_READINGS):
        if not has_escapes(text):
            return
        reading = _ESCAPE.sub(_character, text)
        if reading == text:
            return
        yield reading
        text = reading


def _leave_out(text: str) -> str:
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if text.isascii():
        return text.translate(_ASCII_TABLE)
    text = "".join(text.split())
    for char in _LEFT_OUT:
        text = text.replace(char, "")
    return text


def _character(match: re.Match[str]) -> str:
    """Return what an escape stands for; the escape itself where it stands for nothing."""
    escape = match[0]
    if escape[0] == "&":
        return _entity(escape)
    if escape[0] == "%" and escape[1] != "u":
        return _bytes(bytes.fromhex(escape.replace("%", "")))
    code = escape.replace("\\", "").replace("%", "")
    if code[0] == "U" or code[1:2] == "{":
        return _code_point(int(code[1:].strip("{}"), 16), escape)
    if code[0] == "u":
        return bytes.fromhex(code.replace("u", "")).decode("utf-16-be", "replace")
    if code[0] == "x":
        return _bytes(bytes.fromhex(code.replace("x", "")))
    if code[0] in "nrtfv":
        return " "
    return _bytes(bytes(int(octal, 8) for octal in escape.split("\\") if octal))


def _bytes(data: bytes) -> str:
    """UTF-8 where it is, else Latin-1: a language's `\\xe4` may be a byte or a character."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _entity(escape: str) -> str:
    if escape[1] != "#":
        return html5.get(escape[1:], escape)
    digits = escape[2:-1]
    return _code_point(int(digits[1:], 16) if digits[0] in "xX" else int(digits), escape)


def _code_point(number: int, escape: str) -> str:
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else escape
