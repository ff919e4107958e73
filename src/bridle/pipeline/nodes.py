"""The tree of a document: scalars, sequences and mappings, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bridle.core.canonical import Json
from bridle.pipeline.complaint import Place
from bridle.pipeline.wrappers import find_written


@dataclass(frozen=True, slots=True)
class Scalar:
    """A leaf: `text` as written (quotes and folding undone), `value` by the core schema, `style` as in YAML.

    `written` is what stands in the file where `text` is another spelling of it.
    """

    place: Place
    text: str
    value: None | bool | int | str
    style: str
    written: str = ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys in the order of the file; no text occurs twice among them."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]


Node: TypeAlias = Scalar | Sequence | Mapping


def to_json(node: Node) -> Json:
    """Return the plain value of `node`, keys as written."""
    if isinstance(node, Mapping):
        return {key.text: to_json(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [to_json(item) for item in node.items]
    return node.value


def walk_scalars(node: Node) -> Iterator[Scalar]:
    """Yield the leaves below `node` (values, not keys), in the order of the file."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from walk_scalars(item)
    else:
        for _, value in node.entries:
            yield from walk_scalars(value)


def locate(scalar: Scalar, offset: int) -> Place:
    """Return the place of the character at `offset` of the scalar's text.

    Exact for text on one line without escapes and for the lines of a literal block; the column inside a block
    counts from its own indent. Elsewhere the start of the scalar is the best that is known.
    """
    place = scalar.place
    if scalar.written:
        offset = find_written(scalar.written, offset)
    before = (scalar.written or scalar.text)[:offset]
    if scalar.style == "|":
        column = len(before) - before.rfind("\n")
        return Place(place.source, place.line + 1 + before.count("\n"), column)
    if scalar.style == ">" or "\n" in scalar.text:
        return place
    return Place(place.source, place.line, place.column + offset + (1 if scalar.style else 0))
