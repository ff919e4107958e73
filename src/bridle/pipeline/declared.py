"""The `inputs` of a pipeline: what a run may or must be given.

Rules
  1. A type is one of `TYPES`. A connector is its id, a secret its name.
  2. A default and the values of `enum` must be of the type; an expression is no default.
  3. A required input needs no default; with one, the default still stands when nothing is given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.complaint import suggest
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.inputs import TYPES, coerce
from bridle.pipeline.nodes import Node, Scalar, to_json
from bridle.pipeline.plan import InputSpec
from bridle.pipeline.vocabulary import INPUT, TEMPLATE_FILE


def read_inputs(fields: Fields) -> dict[str, InputSpec]:
    """Return the declared inputs by name, in the order of the file."""
    found = {}
    for name, node in fields.entries("inputs"):
        is_bare = isinstance(node, Scalar) and node.value is None
        body = (
            Fields(INPUT, node.place, {}, fields.findings)
            if is_bare
            else open_fields(node, INPUT, findings=fields.findings)
        )
        if body is not None:
            found[name.text] = _read_input(name, body)
    return found


def _read_input(name: Scalar, body: Fields) -> InputSpec:
    type_ = _read_type(body)
    default = _read_value(body.get("default"), type_, body) if type_ else None
    enum = tuple(_read_value(item, type_, body) for item in body.items("enum")) if type_ else ()
    if body.has("enum") and not body.items("enum"):
        hint = "name some, or take enum out"
        body.refuse(
            f"{name.text!r} has no choices", reason="empty-enum", hint=hint, at=body.nodes["enum"].place
        )
    if default is not None and enum and default not in enum:
        body.refuse(
            f"the default of {name.text!r} is not allowed", reason="bad-default", hint="add it to enum"
        )
    return InputSpec(
        type=type_ or "string",
        required=body.flag("required", default=False),
        default=default,
        description=body.text("description"),
        enum=enum,
    )


def _read_type(body: Fields) -> str:
    word = body.text("type", "string")
    if word not in TYPES:
        hint = suggest(word, TYPES, otherwise=f"use one of {', '.join(TYPES)}")
        body.refuse(f"{word!r} is no type of input", reason="unknown-input-type", hint=hint)
        return ""
    return word


def _read_value(node: Node | None, type_: str, body: Fields) -> Json:
    if node is None:
        return None
    value = (
        node.text
        if isinstance(node, Scalar) and type_ in ("string", "secret", "connector")
        else to_json(node)
    )
    if isinstance(value, str) and ("<+" in value or "${{" in value):
        body.findings.refuse_later(node.place, "expression-in-default", hint="write a plain value")
        return None
    try:
        return coerce(value, type_)
    except InputError as exc:
        body.refuse(f"not a {type_}: {exc.what}", reason="bad-default", hint=exc.hint, at=node.place)
        return None


def fix_input(name: str, spec: InputSpec, node: Node, body: Fields) -> InputSpec:
    """Return `spec` with the one value that `node` gives it; complain about one that it cannot have."""
    if isinstance(node, Scalar) and ("<+" in node.text or "${{" in node.text):
        hint = "leave it out, and give it when the pipeline is started"
        what = f"{name!r} is fixed here, by a plain value"
        body.refuse(what, reason="expression-in-with", hint=hint, at=node.place)
        return spec
    value = _read_value(node, spec.type, body)
    if value is not None and spec.enum and value not in spec.enum:
        hint = f"use {', '.join(str(item) for item in spec.enum)}"
        body.refuse(f"{name!r} is not an allowed value", reason="bad-input-value", hint=hint, at=node.place)
    return spec if value is None else replace(spec, required=False, default=value, enum=(value,))


def fill_inputs(declares: Fields, gives: Fields) -> dict[str, Any]:
    """Return what each input that `declares` has is given below `with`, else its default; complain about the others."""
    declared, what = (
        read_inputs(declares),
        "template" if declares.noun is TEMPLATE_FILE else declares.noun.name,
    )
    given = gives.values("with")
    places = {name.text: node.place for name, node in gives.entries("with")}
    for name in given:
        if name not in declared:
            hint = suggest(name, declared, otherwise=f"it declares: {', '.join(declared) or 'no inputs'}")
            gives.refuse(
                f"the {what} has no input {name!r}", reason="unknown-input", hint=hint, at=places[name]
            )
    for name, spec in declared.items():
        if spec.required and spec.default is None and name not in given:
            hint = f"add {name!r} to with:"
            gives.refuse(f"the {what} needs the input {name!r}", reason="missing-input", hint=hint)
    return {name: given.get(name, spec.default) for name, spec in declared.items()}
