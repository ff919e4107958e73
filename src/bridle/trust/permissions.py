"""Permissions: words such as `file:edit` or `mcp:crm.get_order`, and patterns such as `mcp:crm.*`.

A pattern ends in `*` and means every word that begins as it does; `*` alone means all. A star elsewhere is refused where
permissions are read: two patterns could meet in ways that nobody sees. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridle.core.errors import InputError

WORD = re.compile(r"[a-z][a-z0-9_-]*:[A-Za-z0-9_./-]*\*?|\*", re.ASCII)


def holds(permissions: Iterable[str], wanted: str) -> bool:
    """True when one of the permissions is `wanted`, or a pattern that covers it."""
    return any(covers(held, wanted) for held in permissions)


def covers(held: str, wanted: str) -> bool:
    """True when everything that `wanted` means is also meant by `held`."""
    return held == wanted or (held.endswith("*") and wanted.startswith(held[:-1]))


def meet(one: Iterable[str], other: Iterable[str]) -> frozenset[str]:
    """Return what both sets allow: of a pattern and what it covers, what it covers."""
    left, right = frozenset(one), frozenset(other)
    exact = left & right
    narrower = {word for word in left - exact if holds(right, word)}
    return exact | narrower | {word for word in right - exact if holds(left, word)}


def check_permission(text: str, *, where: str = "") -> str:
    """Return `text`; raise InputError unless it is a permission or a pattern of them."""
    if not WORD.fullmatch(text):
        raise InputError(
            f"{text[:80]!r} is no permission",
            where=where,
            hint="write KIND:NAME, such as file:edit, or a pattern that ends in a star: mcp:crm.*",
            reason="bad-permission",
        )
    return text
