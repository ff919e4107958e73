"""Identifiers: a kind, an underscore, and 26 characters that sort by time of making.

The body is a ULID (48 bits of milliseconds, 80 bits of randomness, Crockford base32): it can be said aloud,
needs no server, has no `/` (child ids of the durable engine are built with one), and never repeats.
"""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # two at a time: half the steps


def new_id(kind: str) -> str:
    """Return a fresh id such as `exe_01jd3k…`; `kind` is three letters: exe, tok, apr, rec, prn, wsp."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return f"{kind}_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -10, -10)])
