"""Puts the keys of each noun in their one order by moving whole lines; not a character of a line changes.

Rules
  1. A key moves with everything below it and with the comments directly above it. Blank lines stay where they are.
  2. A comment that is indented deeper than the key after it belongs to what stands before it. What follows the last key
     stays last.
  3. In a list, the first key shares its line with the dash: whichever key comes first there takes the dash over. Where that
     would put a comment between dash and key, the mapping keeps its order.
  4. Comments above the first key of the file are the file's own and stay on top.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node

from bridle.pipeline.marks import ROOT_SHAPES, compose, find_noun, is_flow, list_entries, list_items
from bridle.pipeline.shapes import Shape, order_keys

_LINE = re.compile(r"[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029]|\Z)")


@dataclass(frozen=True)
class Block:
    """A mapping of a noun, written in lines: the lines of its keys, their column, the place of each in the noun's order,
    and the lines between which it stands (`below`, `limit`: both exclusive)."""

    keys: tuple[int, ...]
    column: int
    places: tuple[int, ...]
    below: int
    limit: int


@dataclass
class _Chunk:
    blanks: list[str]
    comments: list[str]
    body: list[str]


def order_blocks(text: str) -> str:
    """Return `text` with the keys of every noun in order."""
    lines = [line for line in _LINE.findall(text) if line]
    blocks: list[Block] = []
    _collect(compose(text), ROOT_SHAPES, below=-1, limit=len(lines), into=blocks, seen=set())
    for block in blocks:  # the inner ones first: they move lines only within one chunk of an outer one
        if list(block.places) != sorted(block.places):
            _reorder(lines, block)
    return "".join(lines)


def _collect(
    node: Node, shapes: tuple[Shape, ...], *, below: int, limit: int, into: list[Block], seen: set[int]
) -> None:
    if id(node) in seen or is_flow(node):
        return
    seen.add(id(node))
    entries = list_entries(node, shapes)
    starts = [entry.key.start_mark.line for entry in entries]
    for entry, start, end in zip(entries, starts, [*starts, limit][1:], strict=True):
        if entry.value.start_mark.line >= start:
            _collect(entry.value, entry.shapes, below=start, limit=end, into=into, seen=seen)
    items = list_items(node)
    lines = [item.start_mark.line for item in items]
    for item, line, end in zip(items, lines, [*lines, limit][1:], strict=True):
        if below <= line <= end:
            _collect(item, shapes, below=line - 1, limit=end, into=into, seen=seen)
    noun = find_noun(node, shapes)
    if (
        noun is not None
        and isinstance(node, MappingNode)
        and entries
        and all(entry.name for entry in entries)
    ):
        order = order_keys(noun)
        column = entries[0].key.start_mark.column
        into.append(Block(tuple(starts), column, tuple(order[entry.name] for entry in entries), below, limit))


def _reorder(lines: list[str], block: Block) -> None:
    first = block.keys[0]
    prefix = lines[first][: block.column]
    if prefix.strip(" -") or sorted(set(block.keys)) != list(block.keys):
        return
    starts = [_find_start(lines, block, index) for index in range(len(block.keys))]
    end = _find_end(lines, block)
    chunks = [
        _cut(lines[start:stop], key - start)
        for start, stop, key in zip(starts, [*starts[1:], end], block.keys, strict=True)
    ]
    order = sorted(range(len(chunks)), key=lambda index: block.places[index])
    if prefix.strip() and chunks[order[0]].comments:
        return
    for chunk in chunks:
        chunk.body = [
            line if line.endswith(("\n", "\r", "\x85", "\u2028", "\u2029")) else line + "\n"
            for line in chunk.body
        ]
    chunks[0].body[0] = " " * block.column + chunks[0].body[0][block.column :]
    chunks[order[0]].body[0] = prefix + chunks[order[0]].body[0][block.column :]
    blanks = [chunk.blanks for chunk in chunks]
    moved = [
        line
        for place, index in enumerate(order)
        for line in (*blanks[place], *chunks[index].comments, *chunks[index].body)
    ]
    lines[starts[0] : end] = moved


def _find_start(lines: Sequence[str], block: Block, index: int) -> int:
    """Return the first line of what moves with a key: blank lines and comments above it."""
    key = block.keys[index]
    if index == 0:
        is_dashed = bool(lines[key][: block.column].strip())
        start = key
        while (
            start - 1 > block.below
            and not is_dashed
            and block.column
            and _indent(lines[start - 1]) == block.column
        ):
            start -= 1
        return start
    start = key
    while start - 1 > block.keys[index - 1]:
        line = lines[start - 1]
        if line.strip() and not 0 <= _indent(line) <= block.column:
            break
        start -= 1
    return start


def _find_end(lines: Sequence[str], block: Block) -> int:
    end = block.limit
    while end - 1 > block.keys[-1]:
        line = lines[end - 1]
        if line.strip() and not 0 <= _indent(line) <= block.column:
            break
        end -= 1
    return end


def _indent(line: str) -> int:
    """Return the column of a comment that has its line for itself; -1 for any other line."""
    return len(line) - len(line.lstrip()) if line.lstrip().startswith("#") else -1


def _cut(lines: list[str], key: int) -> _Chunk:
    blank = next((index for index, line in enumerate(lines[:key]) if line.strip()), key)
    return _Chunk(lines[:blank], lines[blank:key], lines[key:])
