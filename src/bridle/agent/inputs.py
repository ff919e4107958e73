"""The inputs an agent declares, and the expressions that may look at them.

Rules
  1. An input's widgets (`ui`) are read over; its type is one of `KINDS`, where a number is a whole one.
  2. An expression looks at declared inputs and at nothing else: what comes from elsewhere is given as an input.
  3. An input that an expression looks at is required, or has a default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridle.agent.definition import AgentInput
from bridle.agent.reader import Spot, nearest
from bridle.core.errors import InputError
from bridle.pipeline.expressions import list_status_words, references
from bridle.pipeline.functions import ExpressionError

KINDS = frozenset({"string", "integer", "boolean", "object", "array", "connector"})
KIND_TWINS = {"number": "integer"}  # there are no fractions in a plan


def read_inputs(spot: Spot) -> tuple[AgentInput, ...]:
    """Return the declared inputs, in the order of the file; raise InputError."""
    found: dict[str, AgentInput] = {}
    for key, value in spot.pairs():
        name = key.text()
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in found:
            hint = "use letters, digits, _ and -, each name once"
            raise key.wrong(f"{name!r} is no new name for an input", hint=hint, reason="bad-input-name")
        found[name] = _input(name, value)
    return tuple(found.values())


def _input(name: str, spot: Spot) -> AgentInput:
    keys = spot.mapping({"type", "description", "required", "default", "ui"})
    kind = keys["type"].text() if "type" in keys else "string"
    kind = KIND_TWINS.get(kind, kind)
    if kind not in KINDS:
        raise keys["type"].wrong(
            f"an input cannot be a {kind!r} yet", hint=nearest(kind, KINDS), reason="unknown-type"
        )
    return AgentInput(
        name=name,
        kind=kind,
        description=keys["description"].text() if "description" in keys else "",
        required=keys["required"].flag() if "required" in keys else False,
        default=keys["default"].json() if "default" in keys else None,
    )


def list_expression_faults(
    spot: Spot | None, text: str, *, inputs: tuple[AgentInput, ...], file: str
) -> list[InputError]:
    """Return what is wrong with the expressions in `text`; `spot` is where it stands, if it has a place of its own."""
    declared = {item.name: item for item in inputs}
    where = spot.where if spot else file
    try:
        found, words = references(text), list_status_words(text)
    except ExpressionError as exc:
        return [InputError(exc.what, where=where, hint=exc.hint, reason="unsupported-expression")]
    paths = [reference.path for reference in found] + [(word.word,) for word in words]
    return [fault for path in paths if (fault := _judge_path(path, declared, where))]


def _judge_path(path: tuple[str, ...], declared: Mapping[str, AgentInput], where: str) -> InputError | None:
    if path[0] != "inputs" or len(path) < 2:
        hint = "only declared inputs can: ${{ inputs.name }}"
        what = f"{'.'.join(path)!r} cannot be resolved in an agent"
        return InputError(what, where=where, hint=hint, reason="unsupported-expression")
    item = declared.get(path[1])
    if item is None:
        hint = (
            nearest(path[1], declared) if declared else f"declare it: inputs: {{{path[1]}: {{type: string}}}}"
        )
        return InputError(f"{path[1]!r} is no declared input", where=where, hint=hint, reason="unknown-input")
    if not item.required and item.default is None:
        hint = "give it a default, or write required: true"
        what = f"the input {path[1]!r} may be left out and has no default"
        return InputError(what, where=where, hint=hint, reason="input-without-default")
    return None
