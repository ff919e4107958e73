"""Runtime inputs in a file, given their values before anything of it is read: what runs is fixed when it is planned.
Expressions get their one wrapper on the same way (`wrappers`).

Rules
  1. A path counts from the root of the document: `pipeline.stages.0.steps.1.timeout`.
  2. Text that is given is read as a plain value would be at that place; a list is given as JSON.
  3. What is given is a value, never an expression: whoever starts a pipeline fills it in and does not write it.
  4. One without value and default is a complaint where it stands; a path that is given and asks for nothing is one as well.
  5. Who only looks at the form of a file gives `StandIns`: something for each, which nobody runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace

from bridle.core.canonical import Json
from bridle.pipeline.complaint import Findings, Place, suggest
from bridle.pipeline.execution_inputs import (
    Late,
    ask_before,
    holds_steps,
    name_of,
    refuse_elsewhere,
    refuse_unnamed,
    stand_in_for,
)
from bridle.pipeline.functions import ExpressionError, read_json
from bridle.pipeline.nodes import Mapping, Node, Scalar, Sequence, locate
from bridle.pipeline.runtime_inputs import (
    RUNTIME_INPUT,
    RuntimeInput,
    bind_runtime_inputs,
    read_runtime_input,
)
from bridle.pipeline.values import to_text
from bridle.pipeline.wrappers import rewrap

_PLAIN = re.compile(r"-?\d{1,15}|true|false", re.ASCII)


class StandIns(dict[str, str]):
    """Gives every runtime input one of the values that it allows, its default, or `otherwise`."""

    def __init__(self, otherwise: str) -> None:
        super().__init__()
        self._otherwise = otherwise

    def stand_in(self, asked: RuntimeInput) -> Json:
        """Return the value of one; its pattern is not asked."""
        if asked.has_default:
            return asked.default
        value = asked.allowed[0] if asked.allowed else read_json(self._otherwise)
        return [value] if asked.several else value


def bind_document(root: Node, given: Table[str, str], *, findings: Findings) -> Node:
    """Return the document with a value in the place of every runtime input, and one wrapper; `given` has text by path."""
    binding = _Binding(given, findings)
    bound = binding.bind(root, "")
    refuse_elsewhere(binding.late, findings)
    for path in given:
        if path not in binding.asked:
            hint = suggest(
                path, binding.asked, otherwise=f"asked for: {', '.join(binding.asked) or 'nothing'}"
            )
            findings.refuse(
                root.place, f"no runtime input stands at {path!r}", reason="unknown-input", hint=hint
            )
    return bound


@dataclass
class _Binding:
    given: Table[str, str]
    findings: Findings
    asked: list[str] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)

    def bind(self, node: Node, path: str) -> Node:
        """Return `node` itself where nothing is asked for or rewrapped: most documents are like that, and some are large."""
        if isinstance(node, Scalar):
            is_one = isinstance(node.value, str) and RUNTIME_INPUT.match(node.text)
            return self._fill(node, path) if is_one else _rewrap(node)
        if isinstance(node, Sequence):
            items = (
                self._bind_steps(node, path)
                if holds_steps(path)
                else tuple(self.bind(item, _below(path, str(at))) for at, item in enumerate(node.items))
            )
            return node if _is_same(items, node.items) else Sequence(node.place, items)
        values = tuple(self.bind(value, _below(path, key.text)) for key, value in node.entries)
        if _is_same(values, tuple(value for _, value in node.entries)):
            return node
        return Mapping(node.place, tuple(zip((key for key, _ in node.entries), values, strict=True)))

    def _bind_steps(self, node: Sequence, path: str) -> tuple[Node, ...]:
        """Bind the steps of a list, each behind the approval that asks for what it needs when it is reached."""
        around, asks = self.late, False
        items: list[Node] = []
        for at, item in enumerate(node.items):
            self.late = []
            bound = self.bind(item, _below(path, str(at)))
            items += ask_before(bound, self.late) if self.late else [bound]
            asks = asks or bool(self.late)
        self.late = around
        for item in node.items if asks else ():
            if not name_of(item):
                refuse_unnamed(item, self.findings)
        return tuple(items)

    def _fill(self, scalar: Scalar, path: str) -> Node:
        self.asked.append(path)
        try:
            asked = read_runtime_input(scalar.text, path=path)
            assert asked is not None  # the opening was matched before
            if isinstance(self.given, StandIns):
                return _make_node(self.given.stand_in(asked), scalar.place)
            value = bind_runtime_inputs(scalar.text, self._read(asked, scalar.place), path=path)
        except ExpressionError as error:
            hint = error.hint
            if error.reason == "missing-runtime-input":
                hint = f"give it when the pipeline is started: --input {path}=VALUE; or write .default(…) behind it"
            self.findings.refuse(
                locate(scalar, error.offset or 0), error.what, reason=error.reason, hint=hint
            )
            return Scalar(scalar.place, "", None, "")
        if asked.is_asked_late and not self.given.get(path):
            self.late.append(stand_in_for(asked, scalar.place))
            return self.late[-1].stand_in
        return _make_node(value, scalar.place)

    def _read(self, asked: RuntimeInput, place: Place) -> dict[str, Json]:
        text = self.given.get(asked.path)
        if text is None:
            return {}
        if "<+" in text or "${{" in text:
            hint = "give a plain value, and write the expression into the file"
            raise ExpressionError(
                f"{asked.path} is given an expression", reason="expression-in-input", hint=hint
            )
        value = read_json(text) if asked.several or text.startswith(("[", "{")) else text
        return {asked.path: read_json(text) if _PLAIN.fullmatch(text) else value}


def _rewrap(scalar: Scalar) -> Scalar:
    text = rewrap(scalar.text) if isinstance(scalar.value, str) else scalar.text
    return scalar if text == scalar.text else replace(scalar, text=text, value=text, written=scalar.text)


def _make_node(value: Json, place: Place) -> Node:
    if isinstance(value, Table):
        entries = ((Scalar(place, str(key), str(key), ""), item) for key, item in value.items())
        return Mapping(place, tuple((key, _make_node(item, place)) for key, item in entries))
    if isinstance(value, (list, tuple)):
        return Sequence(place, tuple(_make_node(item, place) for item in value))
    assert value is None or isinstance(value, (bool, int, str))  # there is no other plain value
    return Scalar(place, to_text(value), value, "")


def _is_same(made: tuple[Node, ...], before: tuple[Node, ...]) -> bool:
    return len(made) == len(before) and all(one is other for one, other in zip(made, before, strict=True))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
