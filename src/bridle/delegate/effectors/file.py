"""The file tools: list, read, search and edit, inside one workspace.

Rules
  1. A path is cleaned first and opened component by component: no link is followed, nothing outside is reached.
  2. Results are the same on every machine: sorted, no times, no absolute paths.
  3. What is too much is cut and said (`truncated`); a file too large to read is refused by name of the limit.
  4. Names are shown with what is hidden in them written out (core.visible).
  5. An edit replaces exactly one occurrence, is checked against the boundary once more, and is written whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import re2  # type: ignore[import-untyped]

from bridle.core.boundary import clean_path
from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError, TrustError
from bridle.core.visible import show_name
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import boundary_of, number_of, text_of
from bridle.delegate.output import printable
from bridle.delegate.paths import open_folder, read_file
from bridle.delegate.placing import write_file
from bridle.delegate.tree import Found, Kind, walk
from bridle.dispatch.protocol import Task

MAX_ENTRIES = 2_000
MAX_LINES = 400
MAX_TEXT_BYTES = 64 << 10
MAX_MATCHES = 200
MAX_MATCH_CHARS = 400
MAX_SEARCHED_BYTES = 4 << 20  # one file
MAX_SEARCHED_TOTAL_BYTES = 64 << 20


async def list_files(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"entries": [{"path", "type", "size_bytes"}], "truncated"}`."""
    path = clean_path(text_of(task, "path"))
    found = await asyncio.to_thread(_walk, task, context, path)
    entries: list[Json] = [
        {"path": show_name(item.path), "type": str(item.kind), "size_bytes": item.size_bytes}
        for item in found[:MAX_ENTRIES]
    ]
    return EffectorResult("succeeded", {"entries": entries, "truncated": len(found) > MAX_ENTRIES})


def _walk(task: Task, context: EffectorContext, path: str) -> list[Found]:
    with context.workspaces.opened(task.workspace) as fd:
        return walk(fd, below=path, limits=context.workspaces.limits)


async def read(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"path", "first_line", "total_lines", "text", "truncated"}`.

    `truncated` says that lines asked for were left out. `"encoding": "not utf-8"` is there when characters
    had to be replaced.
    """
    path = clean_path(text_of(task, "path"))
    first, count = number_of(task, "first_line", 1), number_of(task, "lines", MAX_LINES)
    data = await asyncio.to_thread(_read, task, context, path)
    text = printable(data)
    lines = _lines(text)
    wanted = lines[first - 1 : first - 1 + count]
    shown = _fitting(wanted)
    value: dict[str, Json] = {
        "path": path,
        "first_line": first,
        "total_lines": len(lines),
        "text": "".join(shown),
        "truncated": shown != wanted,
    }
    if text.encode() != data:
        value["encoding"] = "not utf-8"
    return EffectorResult("succeeded", value)


def _read(task: Task, context: EffectorContext, path: str) -> bytes:
    with context.workspaces.opened(task.workspace) as fd:
        return read_file(fd, path, limit_bytes=context.workspaces.limits.file_bytes)[0]


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, as an edit counts them; the feeds stay."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _fitting(lines: list[str]) -> list[str]:
    """Return the first lines that fit; of a first line too long for all, its beginning."""
    size = 0
    for index, line in enumerate(lines):
        size += len(line.encode())
        if size > MAX_TEXT_BYTES:
            return lines[:index] or [printable(line.encode()[:MAX_TEXT_BYTES])]
    return lines


async def search(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"matches": [{"path", "line", "text"}], "truncated"}`, sorted by path and line."""
    pattern = _compiled(text_of(task, "pattern"))
    path = clean_path(text_of(task, "path", "."))
    return await asyncio.to_thread(_search, task, context, pattern, path)


def _search(task: Task, context: EffectorContext, pattern: re2._Regexp, path: str) -> EffectorResult:
    matches: list[Json] = []
    left, truncated = MAX_SEARCHED_TOTAL_BYTES, False
    with context.workspaces.opened(task.workspace) as fd:
        for item in _files(fd, path, context):
            if item.size_bytes > min(MAX_SEARCHED_BYTES, left):
                truncated = True
                continue
            left -= item.size_bytes
            matches += _matches(fd, item, pattern)
            if len(matches) > MAX_MATCHES:
                break
    truncated = truncated or len(matches) > MAX_MATCHES
    return EffectorResult("succeeded", {"matches": matches[:MAX_MATCHES], "truncated": truncated})


def _files(fd: int, path: str, context: EffectorContext) -> list[Found]:
    """Return the files at or below `path`."""
    limits = context.workspaces.limits
    try:
        with open_folder(fd, path):
            pass
    except ExecutionError:
        data, _ = read_file(fd, path, limit_bytes=limits.file_bytes)
        return [Found(path, Kind.FILE, len(data))]
    return [item for item in walk(fd, below=path, limits=limits) if item.kind is Kind.FILE]


def _matches(fd: int, item: Found, pattern: re2._Regexp) -> Iterator[Json]:
    data, _ = read_file(fd, item.path, limit_bytes=MAX_SEARCHED_BYTES)
    if b"\0" in data:
        return  # no text
    for number, whole in enumerate(_lines(printable(data)), start=1):
        line = whole.rstrip("\r\n")
        if pattern.search(line):
            yield {"path": show_name(item.path), "line": number, "text": line[:MAX_MATCH_CHARS]}


def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as exc:
        reason = exc.args[0].decode() if exc.args and isinstance(exc.args[0], bytes) else str(exc)
        raise InputError(f"not an RE2 pattern: {reason}", reason="bad-pattern") from exc


async def edit(task: Task, context: EffectorContext) -> EffectorResult:
    """Return `{"path", "first_line"}`, the line where the new text begins; the fact `tree` is the tree after."""
    path = clean_path(text_of(task, "path"))
    if not boundary_of(task).may_write(path):
        raise TrustError(f"{path} may not be written in this step", reason="path-not-writable")
    return await asyncio.to_thread(_edit, task, context, path)


def _edit(task: Task, context: EffectorContext, path: str) -> EffectorResult:
    old, new = text_of(task, "old"), text_of(task, "new")
    with context.workspaces.opened(task.workspace) as fd:
        if old:
            first_line = _replace(fd, path, old, new)
        else:
            _refuse_existing(fd, path)
            write_file(fd, path, new.encode(), durable=True)
            first_line = 1
    tree = context.workspaces.snapshot(task.workspace)
    return EffectorResult("succeeded", {"path": path, "first_line": first_line}, {"tree": tree})


def _replace(fd: int, path: str, old: str, new: str) -> int:
    data, info = read_file(fd, path, limit_bytes=MAX_SEARCHED_BYTES)
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise ExecutionError(f"{path} is not UTF-8; it cannot be edited as text", reason="not-utf8") from exc
    count = _occurrences(text, old)
    if count != 1:
        raise ExecutionError(
            f"`old` occurs {count} times in {path}; it must occur exactly once", reason="not-exactly-one"
        )
    before, _, after = text.partition(old)
    write_file(fd, path, (before + new + after).encode(), executable=bool(info.st_mode & 0o100), durable=True)
    return before.count("\n") + 1


def _occurrences(text: str, old: str) -> int:
    """Count, overlapping ones too: either could have been meant."""
    count, at = 0, text.find(old)
    while at >= 0:
        count, at = count + 1, text.find(old, at + 1)
    return count


def _refuse_existing(fd: int, path: str) -> None:
    try:
        read_file(fd, path, limit_bytes=0)
    except ExecutionError as exc:
        if exc.reason == "not-found":
            return
        if not exc.reason.startswith("limit-"):
            raise
    raise ExecutionError(f"{path} exists already; give the text to replace as `old`", reason="exists")
