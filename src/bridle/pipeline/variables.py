"""Variables of a pipeline and of a stage: named values that expressions look up, evaluated where their block begins.

    variables: {region: eu, image: "shop:<+inputs.tag>"}
    variables: {count: {type: number, value: 3}}
    variables: [{name: region, type: string, value: eu}]

Rules
  1. `variable.x` is the stage's, else the pipeline's; `stage.variables.x`, `stages.S.variables.x` and `pipeline.variables.x` say
     which. A group of stages hands its variables down; the nearest wins.
  2. With a type the value is of that type, also when an expression makes it. A secret is no variable: it is named in `env`.
  3. Variables don't see those of their own block.
  4. Those of the account, the organisation and the project stand in a file of the installation: `variable.account.x`,
     `variable.org.x`, and `variable.x` where neither pipeline nor stage declares an `x`. An execution keeps those it began with.

    account: {registry: registry.example}
    org: {team: payments}
    project: {region: eu}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from bridle.core.canonical import Json, as_mapping
from bridle.core.errors import InputError
from bridle.pipeline.complaint import Findings, Place, suggest
from bridle.pipeline.expressions import render
from bridle.pipeline.fields import Fields, open_fields
from bridle.pipeline.inputs import TYPES, coerce
from bridle.pipeline.nodes import Mapping as MappingNode
from bridle.pipeline.nodes import Node, Scalar, to_json
from bridle.pipeline.vocabulary import VARIABLE, spell

_NAME = re.compile(r"[A-Za-z_][\w-]{0,127}", re.ASCII)
_TYPED = frozenset(VARIABLE.marks) - {"name"}
SCOPES = (
    "account",
    "org",
)  # words that no variable of a pipeline may be called: they say whose variable is meant
PROJECT = "project"
Shared: TypeAlias = Mapping[str, Mapping[str, Json]]


def read_variables(fields: Fields) -> dict[str, dict[str, Any]]:
    """Return the declared variables by name, each as `{"type", "value"}`; an empty type is any."""
    found: dict[str, dict[str, Any]] = {}
    for name, node, place in _list_variables(fields):
        if not _NAME.fullmatch(name):
            hint = "use letters, digits, _ and -, not starting with a digit"
            fields.refuse(
                f"{name[:80]!r} is no name of a variable", reason="bad-variable", hint=hint, at=place
            )
        elif name in SCOPES:
            hint = "call it something else"
            what = f"variable.{name} means those of the {name}"
            fields.refuse(what, reason="bad-variable", hint=hint, at=place)
        elif name in found:
            what = f"the variable {name!r} is there already"
            fields.refuse(what, reason="duplicate-variable", hint="keep one of them", at=place)
        else:
            found[name] = _read_variable(node, fields.findings)
    return found


def read_shared(content: Json, *, where: str) -> Shared:
    """Return the variables of a file, by scope and name; raise InputError for anything but names and plain values."""
    hint = "write account:, org: or project:, with name: value below it"
    if content is None:
        return {}
    if not isinstance(content, Mapping) or not set(content) <= {*SCOPES, PROJECT}:
        raise InputError("it does not hold variables", where=where, hint=hint, reason="bad-variables")
    found: dict[str, Mapping[str, Json]] = {}
    for scope, variables in content.items():
        if not isinstance(variables, Mapping):
            raise InputError(f"{scope} is no mapping", where=where, hint=hint, reason="bad-variables")
        for name, value in variables.items():
            if not _NAME.fullmatch(name) or not isinstance(value, (str, int, bool, Decimal)):
                what = f"{scope}.{str(name)[:80]} is no name with a text, a number, or true or false"
                raise InputError(what, where=where, hint=hint, reason="bad-variables")
        found[scope] = dict(variables)
    return found


def show_shared(shared: Mapping[str, Json]) -> dict[str, Json]:
    """Return what expressions see as `variable` of what an execution keeps of them."""
    account = {scope: as_mapping(shared.get(scope) or {}) for scope in SCOPES}
    return {**as_mapping(shared.get(PROJECT) or {}), **account}


def evaluate_variables(declared: Mapping[str, Any], context: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values of variables as expressions see them here; raise InputError."""
    return {name: _evaluate(name, item, context) for name, item in declared.items()}


def _evaluate(name: str, item: Mapping[str, Any], context: Mapping[str, Json]) -> Json:
    value = render(item["value"], context)
    if not item["type"] or value is None:
        return value
    try:
        return coerce(value, item["type"])
    except InputError as error:
        where = f"variables.{name}"
        raise InputError(error.what, where=where, hint=error.hint, reason="bad-variable") from error


def _list_variables(fields: Fields) -> Iterator[tuple[str, Node, Place]]:
    if isinstance(fields.get("variables"), MappingNode):
        yield from ((name.text, node, name.place) for name, node in fields.entries("variables"))
        return
    for node in fields.items("variables"):
        body = open_fields(node, VARIABLE, findings=fields.findings)
        if body is not None:
            yield body.required_text("name"), node, node.place


def _read_variable(node: Node, findings: Findings) -> dict[str, Any]:
    if not _is_typed(node):
        return {"type": "", "value": to_json(node)}
    body = open_fields(node, VARIABLE, findings=findings)
    if body is None:
        return {"type": "", "value": None}
    type_ = body.text("type").lower()
    if type_ and (type_ not in TYPES or type_ == "secret"):
        known = [word for word in TYPES if word != "secret"]
        hint = suggest(type_, known, otherwise=f"use one of {', '.join(known)}; name a secret in env:")
        body.refuse(f"{type_[:40]!r} is no type of variable", reason="unknown-variable-type", hint=hint)
        type_ = ""
    given = body.get("value")
    is_text = isinstance(given, Scalar) and type_ in ("string", "connector")
    value = given.text if is_text and isinstance(given, Scalar) else to_json(given) if given else None
    if type_ and value is not None and "<+" not in str(value) and "${{" not in str(value):
        try:
            value = coerce(value, type_)
        except InputError as error:
            at = given.place if given else None
            body.refuse(f"not a {type_}: {error.what}", reason="bad-variable", hint=error.hint, at=at)
    return {"type": type_, "value": value}


def _is_typed(node: Node) -> bool:
    """True for `{type, value}`; a mapping of other names is a value itself."""
    words = {spell(key.text) for key, _ in node.entries} if isinstance(node, MappingNode) else set()
    return "value" in words and words <= _TYPED | {"name", "desc"}
