"""Redacting a stream: text that comes in pieces, cut where no secret can straddle the cut.

Rules
  1. However the bytes come in pieces, the text that goes out is the same: where it is cut depends on the text alone.
  2. Text is cut at the end of a line, about every SEGMENT_CHARS; a line may be as long as MAX_LINE_CHARS. What lies behind
     a cut is looked at as well before it is made, and a cut in anything that was found is moved in front of it.
  3. What cannot be cut so is dropped, and the fact and its size stand for it. A private key whose end has not come is dropped on.
  4. Bytes that are no UTF-8 are replaced.
  5. UTF-16 and UTF-32 are not read: whoever feeds bytes refuses what begins like them (name_wide_encoding), for in them only
     known values would be found. To read them would be a way to hide: two bytes in front make letters of everything behind.
  6. Lines of JSON are redacted one by one. A line that is no JSON is dropped: it could be a part of anything.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter

from bridle.trust.redaction import Redactor

SEGMENT_CHARS = 1 << 18
AHEAD_CHARS = 1 << 16  # more than the longest known value in its longest spelling
MAX_LINE_CHARS = 1 << 20
MAX_JSON_LINE_CHARS = 16 << 20

_KEY_GOES_ON = re.compile(
    r"[A-Za-z0-9+/=\s\\:,-]*?(?:-----END [A-Z0-9 ]{0,60}-----|(?=[^A-Za-z0-9+/=\s\\:,-])|$)"
)


_WIDE = re.compile(
    rb"(\xff\xfe\0\0|\0\0\xfe\xff|[\t\r\n -~]\0\0\0|\0\0\0[\t\r\n -~])"
    rb"|(\xff\xfe|\xfe\xff|(?:[\t\r\n -~]\0){2}|(?:\0[\t\r\n -~]){2})"
)
LOOKED_AT_BYTES = 4


def name_wide_encoding(first: bytes) -> str:
    """Return `UTF-16` or `UTF-32` when the first LOOKED_AT_BYTES of a text say that it is that, else an empty text."""
    found = _WIDE.match(first)
    return "" if found is None else "UTF-32" if found[1] else "UTF-16"


class RedactedText:
    """Redacts a text that comes in pieces. `counts` are the marks by kind so far."""

    def __init__(self, redactor: Redactor, *, segment_chars: int = SEGMENT_CHARS) -> None:
        self._redactor = redactor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._segment, self._ahead = segment_chars, min(AHEAD_CHARS, segment_chars)
        self._most = MAX_LINE_CHARS if segment_chars == SEGMENT_CHARS else 4 * segment_chars
        self._held = ""
        self._in_key = False
        self.counts: Counter[str] = Counter()

    def feed(self, data: bytes) -> str:
        """Take the next bytes in; return the text that is ready."""
        self._held += self._decoder.decode(data)
        return "".join(self._ready(final=False))

    def close(self) -> str:
        """Return the rest."""
        self._held += self._decoder.decode(b"", final=True)
        return "".join(self._ready(final=True))

    def _ready(self, *, final: bool) -> list[str]:
        pieces = []
        while self._held and (piece := self._next(final=final)) is not None:
            pieces.append(piece)
        return pieces

    def _next(self, *, final: bool) -> str | None:
        """Return the next piece of output, or None when more has to come first."""
        window, limit = self._window(final=final)
        if window is None:
            return None
        if self._in_key:
            return self._drop_key(window, final=final)
        if len(window) <= limit:
            return self._take(window)
        spans = self._redactor.find_all(window)
        cut = _cut_before(window, limit, spans) or _cut_behind(window, limit, spans)
        if cut:
            return self._take(window[:cut])
        self._in_key = any(kind == "private-key" for _, _, kind in spans)
        return self._drop(len(window))

    def _window(self, *, final: bool) -> tuple[str | None, int]:
        """Return what is to be looked at, None when it is not all there yet, and how much of it may be taken."""
        limit = self._segment
        if "\n" not in self._held[:limit]:
            end = self._held.find("\n", limit, self._most)
            if end < 0 and len(self._held) < self._most and not final:
                return None, 0
            limit = end + 1 if end >= 0 else self._most
        if len(self._held) <= limit + self._ahead and not final:
            return None, 0
        return self._held[: limit + self._ahead], limit

    def _take(self, text: str) -> str:
        self._held = self._held[len(text) :]
        redacted = self._redactor.redact(text)
        self.counts += self._redactor.count(redacted) - self._redactor.count(text)
        return redacted

    def _drop(self, size: int) -> str:
        dropped = len(self._held[:size].encode("utf-8", "replace"))
        self._held = self._held[size:]
        self.counts["dropped"] += 1
        return f"[redaction failed: {dropped} bytes dropped]\n"

    def _drop_key(self, window: str, *, final: bool) -> str:
        match = _KEY_GOES_ON.match(window)
        end = match.end() if match else 0
        self._in_key = end == len(window) and not final
        return self._drop(end) if end else ""


def _cut_before(window: str, limit: int, spans: list[tuple[int, int, str]]) -> int:
    """Return the last place up to `limit` that lies in nothing that was found, best the end of a line; 0 for none."""
    cut = window.rfind("\n", 0, limit) + 1 or limit
    while cut > 0:
        inside = [start for start, end, _ in spans if start < cut < end]
        if not inside:
            return cut
        cut = window.rfind("\n", 0, min(inside)) + 1 or min(inside)
    return 0


def _cut_behind(window: str, limit: int, spans: list[tuple[int, int, str]]) -> int:
    """Return the first place from `limit` that lies in nothing that was found and well before the window's end; 0 for none."""
    cut = limit
    for start, end, _ in sorted(spans):
        if start < cut < end:
            cut = end
    return cut if cut < len(window) else 0


class RedactedLines:
    """Redacts lines of JSON that come in pieces. `counts` are the marks by kind so far."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        self._too_long = 0
        self.counts: Counter[str] = Counter()

    def feed(self, data: bytes) -> str:
        """Take the next bytes in; return the lines that are ready."""
        *lines, self._held = (self._held + data).split(b"\n")
        ready = self._redact(lines)
        if len(self._held) > MAX_JSON_LINE_CHARS:
            self._too_long += len(self._held)
            self._held = b""
        return ready

    def close(self) -> str:
        """Return the rest."""
        rest, self._held = self._held, b""
        return self._redact([rest]) if rest or self._too_long else ""

    def _redact(self, lines: list[bytes]) -> str:
        first = ""
        if lines and self._too_long:
            first = self._drop("too long", self._too_long + len(lines.pop(0))) + "\n"
            self._too_long = 0
        texts = [line.decode("utf-8", "replace") for line in lines]
        ready = "".join(
            (self._drop("not JSON", len(line)) if redacted is None else redacted) + "\n"
            for line, redacted in zip(lines, self._redactor.redact_lines(texts), strict=True)
        )
        self.counts += self._redactor.count(ready) - self._redactor.count("\n".join(texts))
        return first + ready

    def _drop(self, why: str, size: int) -> str:
        self.counts["dropped"] += 1
        return json.dumps({"redaction": "failed", "why": why, "bytes": size})
