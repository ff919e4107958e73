"""The difference between two trees as text for a person, with ceilings that are said when they are reached.

Rules
  1. Every changed path leaves a trace, also when no line of text changed: what is new, gone or of another mode has a
     header as git writes it, a link is called one, and what can't be shown is named.
  2. An edit of a text file is its unified difference and nothing else.
  3. An empty folder counts as nothing: git does not keep it.
  4. What would not be seen, or would be obeyed, is written out (core.visible): in a name everything, in a line all but tabs. A
     name or a line of a file cannot pass for another line of the difference, and a changed line ending shows.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from bridle.core.visible import make_visible, show_name
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
        for line in _lines(snapshots, show_name(path), base.get(path), other.get(path)):
            if size + len(line) > MAX_TEXT_CHARS:
                return "".join([*pieces, f"[the difference is cut after {MAX_TEXT_CHARS} characters]\n"])
            pieces.append(line)
            size += len(line)
    return "".join(pieces)


def _lines(snapshots: Snapshots, path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    old, new = _kept(old), _kept(new)
    yield from _header(path, old, new)
    before, after = _content(snapshots, old), _content(snapshots, new)
    if before is None or after is None:
        yield f"{path}: not shown, no text or too large\n"
        return
    names = (f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null")
    if before != after and not (before and after):
        yield f"--- {names[0]}\n+++ {names[1]}\n"
        yield from (_show(("+" if after else "-") + line) for line in _split(before or after))
        return
    yield from (_show(line) for line in difflib.unified_diff(_split(before), _split(after), *names))


def _show(line: str) -> str:
    return make_visible(line, keep="\n\t")


def _kept(entry: Entry | None) -> Entry | None:
    return None if entry is None or entry.kind is Kind.FOLDER else entry


def _header(path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    before, after = _mode(old), _mode(new)
    if before != after:
        yield f"diff --git a/{path} b/{path}\n"
        if not before:
            yield f"new file mode {after}\n"
        elif not after:
            yield f"deleted file mode {before}\n"
        else:
            yield f"old mode {before}\nnew mode {after}\n"
    if new and new.kind is Kind.LINK:
        yield f"{path}: is a symbolic link\n"


def _mode(entry: Entry | None) -> str:
    """Return what git calls the mode of a file or a link; empty when there is none."""
    if entry is None:
        return ""
    if entry.kind is Kind.LINK:
        return "120000"
    return "100755" if entry.executable else "100644"


def _content(snapshots: Snapshots, entry: Entry | None) -> str | None:
    """Return the text of a file or the target of a link; None when it can't be shown."""
    if entry is None:
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
