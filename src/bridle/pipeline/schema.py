"""The JSON Schema (draft 2020-12) of a pipeline file, and of a case type, made from `vocabulary` and `shapes`.

Rules
  1. It describes the values of the file as the reader sees them: YAML 1.2, fractions and dates as text.
  2. A key that the reader would refuse, because nobody knows it or because it is not executed, is not in it.
  3. Every spelling of a key that the reader takes is in it; the one spelling carries the shape, the others refer to it.
  4. It says less than the reader: order, references between parts, and what belongs together are the reader's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridle.pipeline.durations import LONGEST_S
from bridle.pipeline.shapes import Shape, find_shape, list_nouns
from bridle.pipeline.vocabulary import CASE_TYPE_FILE, ROOT, Mark, Noun

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALAR = ["string", "integer", "boolean", "null"]
_DURATION = (
    r"^\s*(?:\d{1,9}|(?:\d{1,8}w)?\s*(?:\d{1,8}d)?\s*(?:\d{1,8}h)?\s*(?:\d{1,8}m)?\s*(?:\d{1,8}s)?)\s*$"
)
_PLAIN: Mapping[str, dict[str, Any]] = {
    "any": {},
    "list": {"type": ["array", *_SCALAR]},
    "text": {"type": _SCALAR},
    "flag": {"enum": [True, False, "true", "false", None]},
    "count": {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^[0-9]{1,6}$"},
            {"type": "null"},
        ]
    },
    "number": {"type": ["integer", "string", "null"]},
    "duration": {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": LONGEST_S},
            {"type": "string", "pattern": _DURATION},
            {"type": "string", "pattern": r"\$\{\{|<\+"},
            {"type": "null"},
        ]
    },
    "version": {"enum": [1, "1", "1.0", None]},
    "texts": {"anyOf": [{"type": _SCALAR}, {"type": "array", "items": {"type": _SCALAR}}]},
    "env": {"type": ["object", "null"], "additionalProperties": {"type": _SCALAR}},
    "values": {"type": ["object", "null"]},
}


def make_pipeline_schema() -> dict[str, Any]:
    """Return the schema of a pipeline file."""
    return _make(ROOT, title="A pipeline of Bridle", roots=("pipeline", "jobs", "template", "action"))


def make_case_type_schema() -> dict[str, Any]:
    """Return the schema of a file that declares a type of cases."""
    return _make(CASE_TYPE_FILE, title="A case type of Bridle", roots=("case-type", "case_type", "caseType"))


def _make(root: Noun, *, title: str, roots: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a file whose document is `root` and has one of the keys `roots`."""
    nouns = list_nouns()
    wanted, made = [root.name], dict[str, dict[str, Any]]()
    while wanted:
        name = wanted.pop()
        if name not in made:
            made[name], used = _describe(nouns[name], nouns)
            wanted += sorted(used, reverse=True)
    document = made.pop(root.name)
    return {
        "$schema": DIALECT,
        "title": title,
        **document,
        "anyOf": [{"required": [key]} for key in roots],
        "$defs": {name: made[name] for name in sorted(made)},
    }


def _describe(noun: Noun, nouns: Mapping[str, Noun]) -> tuple[dict[str, Any], set[str]]:
    """Return the schema of one noun, and the names of the nouns it refers to."""
    used: set[str] = set()
    properties: dict[str, Any] = {}
    place = "#" if noun in (ROOT, CASE_TYPE_FILE) else f"#/$defs/{noun.name}"
    for key, mark in noun.marks.items():
        if mark not in (Mark.CORE, Mark.NOTED):
            continue
        is_noted = mark is Mark.NOTED
        shape = (
            {"description": "read, without effect"} if is_noted else _draw(find_shape(noun, key), nouns, used)
        )
        properties[key] = shape
        for spelling in _list_spellings(key, noun):
            properties[spelling] = {"$ref": f"{place}/properties/{key}"}
    body = {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
    return body, used


def _list_spellings(key: str, noun: Noun) -> list[str]:
    words = [key, *(alias for alias, meant in noun.aliases.items() if meant == key)]
    found = dict.fromkeys(twin for word in words for twin in (word, word.replace("-", "_"), _to_camel(word)))
    return [word for word in found if word != key]


def _to_camel(word: str) -> str:
    return re.sub(r"-([a-z0-9])", lambda match: match.group(1).upper(), word)


def _draw(shapes: tuple[Shape, ...], nouns: Mapping[str, Noun], used: set[str]) -> dict[str, Any]:
    drawn = [_draw_one(shape, nouns, used) for shape in shapes]
    return drawn[0] if len(drawn) == 1 else {"anyOf": drawn}


def _draw_one(shape: Shape, nouns: Mapping[str, Noun], used: set[str]) -> dict[str, Any]:
    draw = _DRAWN.get(shape.kind)
    return dict(_PLAIN[shape.kind]) if draw is None else draw(shape, nouns, used)


def _draw_words(shape: Shape, _nouns: Mapping[str, Noun], _used: set[str]) -> dict[str, Any]:
    return {"enum": [*shape.words, None]}


def _draw_noun(shape: Shape, nouns: Mapping[str, Noun], used: set[str]) -> dict[str, Any]:
    if shape.noun not in nouns:
        return {}
    used.add(shape.noun)
    return {"$ref": f"#/$defs/{shape.noun}"}


def _draw_listed(shape: Shape, nouns: Mapping[str, Noun], used: set[str]) -> dict[str, Any]:
    inner = _draw(shape.inner, nouns, used)
    return {"anyOf": [{"type": "array", "items": inner}, inner]}


def _draw_named(shape: Shape, nouns: Mapping[str, Noun], used: set[str]) -> dict[str, Any]:
    return {"type": ["object", "null"], "additionalProperties": _draw(shape.inner, nouns, used)}


_DRAWN: Mapping[str, Callable[[Shape, Mapping[str, Noun], set[str]], dict[str, Any]]] = {
    "words": _draw_words,
    "noun": _draw_noun,
    "listed": _draw_listed,
    "named": _draw_named,
}
