"""The difference between two trees as text for a person, with ceilings that are said when they are reached."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from bridle.delegate.snapshot import Entry, Manifest, Snapshots
from bridle.delegate.tree import Kind

MAX_TEXT_CHARS = 64_000
MAX_FILE_BYTES = 256 << 10
MAX_FILE_LINES = 20_000  # comparing takes up to the square of it


def write_difference(snapshots: Snapshots, base: Manifest, other: Manifest, changed: Sequence[str]) -> str:
    """Return a unified difference of the changed paths; a cut is its last line."""
    pieces: list[str] = []
    size = 0
    for path in changed:
        for line in _lines(snapshots, path, base.get(path), other.get(path)):
            if size + len(line) > MAX_TEXT_CHARS:
                return "".join([*pieces, f"[the difference is cut after {MAX_TEXT_CHARS} characters]\n"])
            pieces.append(line)
            size += len(line)
    return "".join(pieces)


def _lines(snapshots: Snapshots, path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    yield from _mode(path, old, new)
    before, after = _content(snapshots, old), _content(snapshots, new)
    if before is None or after is None:
        yield f"{path}: not shown, no text or too large\n"
        return
    names = (f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null")
    if before != after and not (before and after):
        yield f"--- {names[0]}\n+++ {names[1]}\n"
        yield from (("+" if after else "-") + line for line in _split(before or after))
        return
    yield from difflib.unified_diff(_split(before), _split(after), *names)


def _mode(path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    if old and new and old.kind is not new.kind:
        yield f"{path}: was a {old.kind}, is a {new.kind}\n"
    elif old and new and old.executable is not new.executable:
        yield f"{path}: is {'now' if new.executable else 'no longer'} executable\n"
    elif new and new.kind is Kind.LINK:
        yield f"{path}: is a symbolic link\n"


def _content(snapshots: Snapshots, entry: Entry | None) -> str | None:
    """Return the text of a file or the target of a link; None when it can't be shown."""
    if entry is None or entry.kind is Kind.FOLDER:
        return ""
    if entry.kind is Kind.LINK:
        return entry.target
    data = snapshots.blob(entry.digest)
    if len(data) > MAX_FILE_BYTES or data.count(b"\n") > MAX_FILE_LINES or b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _split(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    if lines[-1] == "\n":
        return lines[:-1]
    return [*lines[:-1], lines[-1] + "\\ no newline at the end\n"]
