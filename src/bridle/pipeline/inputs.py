"""The values of one run: what was given, checked against what the plan declares, completed by defaults.

Rules
  1. An input that is not declared is refused, with the nearest declared one; a required one must be there.
  2. Text is read as the declared type (a command line has nothing but text); any other mismatch is refused.
  3. A secret is given by name, or by the placeholder that another pipeline has for it, and becomes a placeholder. No other
     value may look like one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from bridle.core.canonical import LARGEST_INTEGER, Json, canonical
from bridle.core.errors import InputError
from bridle.pipeline.complaint import suggest
from bridle.pipeline.functions import read_json
from bridle.pipeline.lookup import SecretPlaceholder, holds_marker, is_secret_name
from bridle.pipeline.plan import InputSpec, Plan


def resolve_inputs(plan: Plan, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return a value for every declared input (null when none was given and there is no default); raise InputError."""
    for name in values:
        if name not in plan.inputs:
            hint = suggest(name, plan.inputs, otherwise=f"declared: {', '.join(plan.inputs) or 'none'}")
            raise InputError(f"{plan.id} has no input {name!r}", reason="unknown-input", hint=hint)
    return {name: resolve_input(name, spec, given=values.get(name)) for name, spec in plan.inputs.items()}


def resolve_input(name: str, spec: InputSpec, *, given: Json) -> Json:
    """Return the value of one declared input; raise InputError."""
    value = spec.default if given is None else given
    if value is None:
        if spec.required:
            hint = f"give {name!r} a value of type {spec.type}"
            raise InputError(
                f"the input {name!r} is required", where=f"inputs.{name}", reason="missing-input", hint=hint
            )
        return None
    try:
        found = coerce(value, spec.type)
    except InputError as exc:
        raise InputError(exc.what, where=f"inputs.{name}", reason=exc.reason, hint=exc.hint) from exc
    if spec.enum and found not in spec.enum:
        allowed = ", ".join(str(item) for item in spec.enum)
        raise InputError(
            "not an allowed value", where=f"inputs.{name}", reason="bad-input-value", hint=f"use {allowed}"
        )
    return SecretPlaceholder.name(str(found)) if spec.type == "secret" else found


def coerce(value: Json, type_: str) -> Json:
    """Return `value` as a value of the input type `type_`; raise InputError. A secret stays the name it is given by."""
    if type_ == "secret" and isinstance(value, str):
        value = SecretPlaceholder.name_in(value)
    if holds_marker(value):
        hint = "declare the input as a secret, and give the secret's name"
        raise InputError("looks like the placeholder of a secret", reason="forged-placeholder", hint=hint)
    canonical(value)
    return TYPES[type_](value)


def _as_string(value: Json) -> Json:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise _mismatch("text")


def _as_number(value: Json) -> Json:
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,16}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_INTEGER:
        raise _mismatch("a whole number (a fraction is a string)")
    return value


def _as_boolean(value: Json) -> Json:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _mismatch("true or false")
    return value


def _as_array(value: Json) -> Json:
    value = read_json(value) if isinstance(value, str) else value
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _mismatch("a list (on a command line: JSON)")
    return value


def _as_object(value: Json) -> Json:
    value = read_json(value) if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        raise _mismatch("a mapping (on a command line: JSON)")
    return value


def _as_secret(value: Json) -> Json:
    if not isinstance(value, str) or not is_secret_name(value):
        raise _mismatch("the name of a secret")
    return value


def _as_connector(value: Json) -> Json:
    """Return the id of a connector, given as it is or as `{id: …}`; it names one and grants nothing."""
    named = value.get("id", value.get("identifier")) if isinstance(value, Mapping) else value
    if not isinstance(named, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,256}", named, re.ASCII):
        raise _mismatch("the id of a connector")
    return named


def _mismatch(wanted: str) -> InputError:
    return InputError(f"must be {wanted}", reason="bad-input-value", hint=f"give {wanted}")


TYPES: dict[str, Callable[[Json], Json]] = {
    "string": _as_string,
    "number": _as_number,
    "boolean": _as_boolean,
    "array": _as_array,
    "object": _as_object,
    "secret": _as_secret,
    "connector": _as_connector,
}
