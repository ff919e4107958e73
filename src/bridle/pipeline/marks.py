"""A file as nodes that know where they begin and end, walked along the nouns of the dialect.

The reader's own tree knows where a node begins, which is enough to complain; whoever rewrites a file also has to know where
it ends. Nodes that an alias repeats are met once, where they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridle.pipeline.shapes import Shape, find_shape, list_nouns
from bridle.pipeline.vocabulary import ROOT, Noun, spell

_UNEVALUATED = frozenset({"id", "name", "description"})
_NAMED_BY_VALUE = frozenset({"ref"})  # the name of a branch is a value like any other
ROOT_SHAPES = (Shape("noun", noun=ROOT.name),)


@dataclass(frozen=True)
class Entry:
    """One key of a noun, or of the author's when `name` is empty, with its value and what that may be."""

    name: str
    key: ScalarNode
    value: Node
    shapes: tuple[Shape, ...]


def compose(text: str) -> Node:
    """Return the root node of `text`, which the reader has accepted already."""
    reader: Any = YAML(typ="rt", pure=True)
    reader.version = (1, 2)
    root = reader.compose(text)
    assert isinstance(root, Node)
    return root


def find_noun(node: Node, shapes: tuple[Shape, ...]) -> Noun | None:
    """Return the noun that the mapping `node` is; None when it is the author's own."""
    named = [shape.noun for shape in _flatten(shapes) if shape.kind == "noun"]
    found = [list_nouns().get(name) for name in named] if isinstance(node, MappingNode) else []
    return found[0] if found else None


def list_entries(node: Node, shapes: tuple[Shape, ...]) -> list[Entry]:
    """Return the entries of a mapping; none for anything else."""
    if not isinstance(node, MappingNode):
        return []
    noun = find_noun(node, shapes)
    found = []
    for key, value in node.value:
        name = "" if noun is None else name_key(str(key.value), noun)
        below = _shapes_of_value(name, noun, shapes)
        found.append(Entry(name, key, value, below))
    return found


def name_key(text: str, noun: Noun) -> str:
    """Return the one spelling of a key of `noun`; empty when the noun has no such key."""
    word = spell(text)
    name = noun.aliases.get(word, word)
    return name if name in noun.marks else ""


def is_flow(node: Node) -> bool:
    """True for what is written in brackets or braces."""
    return bool(getattr(node, "flow_style", False))


def list_items(node: Node) -> list[Node]:
    """Return the items of a list; none for anything else."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def walk_texts(
    node: Node, shapes: tuple[Shape, ...] = ROOT_SHAPES, *, in_flow: bool = False
) -> Iterator[tuple[ScalarNode, bool]]:
    """Yield the scalars that may hold expressions, and whether each stands inside brackets or braces."""
    in_flow = in_flow or is_flow(node)
    noun = find_noun(node, shapes)
    is_value = noun is not None and noun.name in _NAMED_BY_VALUE
    for entry in list_entries(node, shapes):
        if entry.name not in _UNEVALUATED or (entry.name == "name" and is_value):
            yield from walk_texts(entry.value, entry.shapes, in_flow=in_flow)
    for item in list_items(node):
        yield from walk_texts(item, shapes, in_flow=in_flow)
    if isinstance(node, ScalarNode):
        yield node, in_flow


def _shapes_of_value(name: str, noun: Noun | None, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    if noun is not None:
        return find_shape(noun, name) if name else (Shape("any"),)
    named = [shape for shape in _flatten(shapes) if shape.kind == "named"]
    return named[0].inner if named else (Shape("any"),)


def _flatten(shapes: tuple[Shape, ...]) -> Iterator[Shape]:
    for shape in shapes:
        if shape.kind == "listed":
            yield from _flatten(shape.inner)
        else:
            yield shape
