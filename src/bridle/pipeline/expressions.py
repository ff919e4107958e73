"""The expressions of a pipeline as its readers use them: what a text refers to, and what it becomes.

Rules
  1. A text that is one whole expression keeps the type of its value; otherwise the values become part of the text.
  2. A text without wrappers is itself. Keys are never read as expressions.
  3. What expressions put into one value is at most `LARGEST_RESULT` in size, all its texts together.
  4. Whatever goes wrong is an ExpressionError.

How values behave is in `evaluation`; how text is read, in `parser`; what paths lead to, in `lookup`.

A context is `{"inputs": {…}, "stages": {S: {"status", "output", "steps": {T: {"status", "output", "steps": {… of a
group}}}}}, "steps": {… of the current stage}, "pipeline": {"id", "name", "execution_id"}, "env": {…}, …}`. Each of
its mappings may load lazily: only what an expression names is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.pipeline.evaluation import Evaluation
from bridle.pipeline.functions import LARGEST_RESULT, ExpressionError
from bridle.pipeline.lookup import canonical_path
from bridle.pipeline.parser import parse_condition, parse_template
from bridle.pipeline.syntax import Asked, Lookup, Status, walk
from bridle.pipeline.values import copy_plain, measure


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
    if not condition and not _has_wrapper(text):
        return ()
    for node in walk(parse_condition(text) if condition else parse_template(text)):
        if isinstance(node, Asked):
            found.append(Reference(("input",), node.offset))
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
    if not condition and not _has_wrapper(text):
        return ()
    tree = parse_condition(text) if condition else parse_template(text)
    return tuple(node for node in walk(tree) if isinstance(node, Status))


def render(value: Json, context: Mapping[str, Json]) -> Json:
    """Return `value` with every expression in its texts evaluated; keys stay as they are."""
    return resolve(value, context).value


def resolve(value: Json, context: Mapping[str, Json]) -> Rendered:
    """Do what `render` does, and tell which paths led nowhere; raise ExpressionError."""
    rendering = _Rendering(Evaluation(context))
    rendered = rendering.render(value)
    return Rendered(rendered, tuple(rendering.evaluation.unresolved))


@dataclass
class _Rendering:
    """One value being rendered, and how much expressions have put into it so far."""

    evaluation: Evaluation
    size: int = 0

    def render(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._render_text(value) if _has_wrapper(value) else value
        if isinstance(value, Mapping):
            return {key: self.render(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [self.render(item) for item in value]
        return value

    def _render_text(self, text: str) -> Json:
        found = self.evaluation.run(parse_template(text))
        size, _ = measure(found, most=LARGEST_RESULT)
        self.size += size
        if self.size > LARGEST_RESULT:
            hint = "pass large values through a workspace file"
            raise ExpressionError("the values are too large together", reason="result-too-large", hint=hint)
        return copy_plain(found)


def _has_wrapper(text: str) -> bool:
    return "<+" in text or "${{" in text
