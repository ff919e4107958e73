"""What a command printed, made the same on every machine: a recording has to recognise it tomorrow, elsewhere.

Rules
  1. Only the last 8 KiB of each stream are kept, cut after the other rules, since those change its length.
  2. What is not UTF-8 becomes the replacement character, and so does NUL, which some stores cannot hold.
  3. `/workspace/` is taken away, and `/workspace` alone becomes `.`: paths are relative to the workspace.
  4. Addresses (`0x` and at least six hexadecimal digits) become `0x…`.
  5. Durations, a decimal fraction followed by `s` or `ms` (`0.058s`), become `…s`.

Dates are left alone: they are often what a program is about.
"""

from __future__ import annotations

import re

TAIL_BYTES = 8 << 10

_RULES = (
    (re.compile(r"/workspace/"), ""),
    (re.compile(r"/workspace\b"), "."),
    (re.compile(r"\b0x[0-9a-fA-F]{6,16}\b"), "0x…"),
    (re.compile(r"\b\d{1,9}\.\d{1,9} ?m?s\b"), "…s"),
)


def normalise(text: str) -> str:
    """Take out what differs from machine to machine and from run to run."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def printable(data: bytes) -> str:
    """Decode bytes that may be anything."""
    return data.decode("utf-8", errors="replace").replace("\0", "\ufffd")


def last_of(stream: bytes) -> tuple[str, bool]:
    """Return the normalised end of a stream, and whether something before it was cut."""
    text = normalise(printable(stream[-8 * TAIL_BYTES :]))
    cut = text.encode()[-TAIL_BYTES:].decode(errors="ignore")
    return cut, len(cut) < len(text) or len(stream) > 8 * TAIL_BYTES
