"""The expressions of a pipeline as its readers use them: what a text refers to, and what it becomes.

A text that is one whole expression keeps the type of its value; otherwise the values become part of the text.
How values behave is in `evaluation`; how text is read, in `parser`.

A context is `{"inputs": {…}, "stages": {S: {"status", "steps": {T: {"status", "output"}}}}, "steps": {… of the
current stage}, "pipeline": {"id", "name", "execution_id"}, "env": {…}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.pipeline.evaluation import Evaluation
from bridle.pipeline.lookup import canonical_path
from bridle.pipeline.parser import parse_condition, parse_template
from bridle.pipeline.syntax import Lookup, Status, walk


@dataclass(frozen=True)
class Rendered:
    """A value, and the paths that led nowhere on the way to it, each once, in order."""

    value: Json
    unresolved: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A path that an expression looks up, in its one form; it ends before a segment that is itself evaluated."""

    path: tuple[str, ...]
    offset: int


def references(text: str, *, condition: bool = False) -> tuple[Reference, ...]:
    """Return the paths that `text` looks up, in order; raise ExpressionError when it can't be read."""
    found = []
    for node in walk(parse_condition(text) if condition else parse_template(text)):
        if isinstance(node, Lookup):
            fixed: list[str] = []
            for segment in node.path:
                if not isinstance(segment, str):
                    break
                fixed.append(segment)
            found.append(Reference(canonical_path(tuple(fixed)), node.offset))
    return tuple(found)


def list_status_words(text: str, *, condition: bool = False) -> tuple[Status, ...]:
    """Return the status words in `text`; they mean something in conditions only."""
    tree = parse_condition(text) if condition else parse_template(text)
    return tuple(node for node in walk(tree) if isinstance(node, Status))


def render(value: Json, context: Mapping[str, Json]) -> Json:
    """Return `value` with every expression in its texts evaluated; keys stay as they are."""
    return resolve(value, context).value


def resolve(value: Json, context: Mapping[str, Json]) -> Rendered:
    """Do what `render` does, and tell which paths led nowhere; raise ExpressionError."""
    evaluation = Evaluation(context)
    rendered = _render(value, evaluation)
    return Rendered(rendered, tuple(evaluation.unresolved))


def _render(value: Json, evaluation: Evaluation) -> Json:
    if isinstance(value, str):
        return evaluation.run(parse_template(value)) if "<+" in value or "${{" in value else value
    if isinstance(value, Mapping):
        return {key: _render(item, evaluation) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_render(item, evaluation) for item in value]
    return value
