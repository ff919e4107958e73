"""Rewrites single words of a pipeline file: keys to their one spelling, expressions to the one wrapper.

Rules
  1. A key becomes the kebab-case word of its noun. Keys of the author's own (env, with, inputs) stay as they are.
  2. The keys inside `{…}` on one line are put in order too; longer ones keep theirs.
  3. `<+path>` becomes `${{ path }}` in the texts that readers read so (`wrappers`), where the file can be written so.
  4. Nothing else is touched: quotes, blanks, comments, lists of one and bare texts stay.
"""

from __future__ import annotations

from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from bridle.pipeline.marks import (
    ROOT_SHAPES,
    Entry,
    compose,
    find_noun,
    is_flow,
    list_entries,
    list_items,
    walk_texts,
)
from bridle.pipeline.shapes import Shape, order_keys
from bridle.pipeline.wrappers import replace_wrappers, rewrap


@dataclass(frozen=True)
class Edit:
    """What stands from `start` to `end` becomes `text`."""

    start: int
    end: int
    text: str


def respell_keys(text: str) -> str:
    """Return `text` with every key of a noun in its one spelling (rules 1 and 2)."""
    root = compose(text)
    return _apply(text, _edit_mapping(root, ROOT_SHAPES, text, set()), 0, len(text))


def choose_wrapper(text: str) -> str:
    """Return `text` with `${{ … }}` for `<+…>`, where that says the same (rule 3)."""
    edits: dict[int, Edit] = {}
    for node, in_flow in walk_texts(compose(text)):
        edit = _rewrap(node, text, in_flow=in_flow)
        if edit is not None:
            edits[edit.start] = edit
    return _apply(text, list(edits.values()), 0, len(text))


def _edit(node: Node, shapes: tuple[Shape, ...], text: str, seen: set[int]) -> list[Edit]:
    if id(node) in seen:
        return []
    seen.add(id(node))
    if isinstance(node, MappingNode):
        return _edit_mapping(node, shapes, text, seen)
    return [edit for item in list_items(node) for edit in _edit(item, shapes, text, seen)]


def _edit_mapping(node: Node, shapes: tuple[Shape, ...], text: str, seen: set[int]) -> list[Edit]:
    entries = list_entries(node, shapes)
    edits = [[*_rename(entry, text), *_edit(entry.value, entry.shapes, text, seen)] for entry in entries]
    reordered = _reorder_braces(node, entries, edits, shapes, text)
    return [reordered] if reordered else [edit for listed in edits for edit in listed]


def _rename(entry: Entry, text: str) -> list[Edit]:
    start, end = entry.key.start_mark.index, entry.key.end_mark.index
    if not entry.name or entry.name == text[start:end] or text[start:end].strip("'\"") != entry.key.value:
        return []
    return [Edit(start, end, entry.name)]


def _reorder_braces(
    node: Node, entries: list[Entry], edits: list[list[Edit]], shapes: tuple[Shape, ...], text: str
) -> Edit | None:
    noun = find_noun(node, shapes)
    first, last = node.start_mark, node.end_mark
    if (
        noun is None
        or not is_flow(node)
        or first.line != last.line
        or not all(entry.name for entry in entries)
    ):
        return None
    places = order_keys(noun)
    order = sorted(range(len(entries)), key=lambda index: places[entries[index].name])
    spans = [
        (entry.key.start_mark.index, max(entry.value.end_mark.index, entry.key.end_mark.index))
        for entry in entries
    ]
    inside = all(first.index < start <= end < last.index for start, end in spans)
    if (
        order == sorted(order)
        or not inside
        or any(entry.value.start_mark.index < first.index for entry in entries)
    ):
        return None
    bounds = [first.index, *(place for span in spans for place in span), last.index]
    between = [text[bounds[i] : bounds[i + 1]] for i in range(0, len(bounds), 2)]
    if any(glue.strip() not in ("{", ",", "}", ",}") for glue in between):
        return None
    written = [_apply(text, edits[index], *spans[index]) for index in order]
    pieces = [glue + piece for glue, piece in zip(between, [*written, ""], strict=True)]
    return Edit(first.index, last.index, "".join(pieces))


def _rewrap(node: ScalarNode, text: str, *, in_flow: bool) -> Edit | None:
    before = str(node.value)
    if rewrap(before) == before:
        return None
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        start = text.find("\n", start)
    source = text[start:end]
    written = replace_wrappers(source)
    if not node.style and in_flow:
        if "'" in source or "\n" in source or not source.startswith(before[:1]):
            return None
        written = f"'{written}'"
    return None if "<+" in written else Edit(start, end, written)


def _apply(text: str, edits: list[Edit], start: int, end: int) -> str:
    pieces: list[str] = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += (text[start : edit.start], edit.text)
        start = edit.end
    return "".join([*pieces, text[start:end]])
