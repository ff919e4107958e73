"""Secrets in what would be committed: known values and unmistakable tokens, in the lines that a change adds.

Rules
  1. Only lines that the file did not have before count: what the base holds, the origin has already. A secret that spans lines
     counts when one of them is new. A new name and a new target of a link are looked at as well.
  2. A finding says where it is and what kind of thing it is, never the value.
  3. Files are looked through whole, whatever their size or encoding: bytes that are no text are replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridle.core.canonical import Json
from bridle.core.visible import show_name
from bridle.delegate.snapshot import Entry, Manifest, Snapshots
from bridle.delegate.tree import Kind
from bridle.trust.redaction import Redactor

MAX_FINDINGS = 100  # enough to act on; one is enough to refuse


def find_leaks(
    snapshots: Snapshots, base: Manifest, other: Manifest, changed: Sequence[str], *, redactor: Redactor
) -> list[Json]:
    """Return `{"path", "line", "format"}` of each secret in added lines; line 0 is the name itself."""
    found: list[Json] = []
    for path in changed:
        if path not in other:
            continue
        if path not in base and redactor.find(path):
            found.append(
                {"path": redactor.redact(show_name(path)), "line": 0, "format": redactor.find(path)[0][2]}
            )
        before, after = _text(snapshots, base.get(path)), _text(snapshots, other[path])
        shown = redactor.redact(show_name(path))
        found += (
            {"path": shown, "line": line, "format": kind} for line, kind in _leaks(before, after, redactor)
        )
    return found[:MAX_FINDINGS]


def _leaks(before: str, after: str, redactor: Redactor) -> Iterator[tuple[int, str]]:
    secrets = redactor.find(after)
    if not secrets:
        return
    known = set(before.split("\n"))
    lines = after.split("\n")
    for start, end, kind in secrets:
        first = after.count("\n", 0, start)
        last = first + after.count("\n", start, end)
        added = [number for number in range(first, last + 1) if lines[number] not in known]
        if added:
            yield added[0] + 1, kind


def _text(snapshots: Snapshots, entry: Entry | None) -> str:
    if entry is None or entry.kind is Kind.FOLDER:
        return ""
    if entry.kind is Kind.LINK:
        return entry.target
    return snapshots.blob(entry.digest).decode(errors="replace")
