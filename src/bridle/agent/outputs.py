"""What an agent has to hand on: the schema of its outputs, its answer, and the check before a later step sees either.

Rules
  1. `outputs: {name: schema}` wants each of the names (unless `required: false`); `outputs: [name, …]` wants them with any
     value; `output-schema` is one schema for all of them. JSON Schema, draft 2020-12.
  2. What the harness saw happen (`HARNESS_OUTPUTS`) is never the model's to say. Everything else that is declared is read
     from the agent's last message: one JSON object, alone or as the last fenced block.
  3. Fractions are text, as everywhere in a plan.
  4. Checking is bounded: no references between schemas, patterns by an engine that is linear in time, and answers that are no
     larger than `LARGEST_ANSWER` and no deeper than JSON may be in an expression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import jsonschema
import re2  # type: ignore[import-untyped]

from bridle.agent.definition import AgentDefinition
from bridle.agent.reader import Spot
from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.functions import read_json

HARNESS_OUTPUTS = frozenset({"text", "commit", "branch", "changed"})
LARGEST_ANSWER = 64 * 1024
_NAME = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n```", re.DOTALL)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def read_output_schema(spot: Spot | None, whole: Spot | None) -> Mapping[str, Json]:
    """Return the schema that `outputs` or `output-schema` declares, empty for neither; raise InputError with the place."""
    if spot is not None and whole is not None:
        raise whole.wrong("outputs are declared twice", hint=f"first at {spot.where}", reason="outputs-twice")
    found = whole or spot
    if found is None or found.json() in (None, [], {}):
        return {}
    schema = _need_object(found) if found is whole else _join(found)
    fault = _find_fault(schema)
    if fault:
        raise found.wrong(fault, hint="write a JSON Schema, draft 2020-12", reason="bad-output-schema")
    return schema


def add_answer(definition: AgentDefinition, outputs: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return `outputs` with what the last message answers, when the agent declares outputs (rule 2)."""
    answer = _read_answer(str(outputs.get("text", ""))) if definition.output_schema else {}
    return {**{name: value for name, value in answer.items() if name not in HARNESS_OUTPUTS}, **outputs}


def check_outputs(definition: AgentDefinition, outputs: Mapping[str, Json]) -> str:
    """Return what is wrong with the outputs of a run, empty when they are as the definition declares them."""
    schema = definition.output_schema
    if not schema:
        return ""
    named = schema.get("properties")
    declared = set(named) if isinstance(named, Mapping) else set()
    judged = {
        name: value for name, value in outputs.items() if name in declared or name not in HARNESS_OUTPUTS
    }
    if len(json.dumps(judged)) > LARGEST_ANSWER:
        return f"outputs are larger than {LARGEST_ANSWER} bytes: write a workspace file"
    errors = sorted(_Validator(schema).iter_errors(judged), key=lambda error: error.json_path)
    told = [
        f"{error.json_path.removeprefix('$').removeprefix('.') or 'outputs'}: {error.message[:200]}"
        for error in errors
    ]
    return "; ".join(told[:5])


def describe_outputs(definition: AgentDefinition) -> str:
    """Return what the agent is told about its last message; empty when it declares no outputs."""
    if not definition.output_schema:
        return ""
    schema = json.dumps(definition.output_schema, ensure_ascii=False, indent=1, sort_keys=True)
    seen = ", ".join(sorted(HARNESS_OUTPUTS))
    return (
        f"\nEnd with one JSON object that fits this schema, and nothing else. Leave out {seen}: the harness fills them in."
        f"\n\n{schema}\n"
    )


def _join(spot: Spot) -> Mapping[str, Json]:
    """Return one schema for the outputs that are declared by name."""
    value = spot.json()
    pairs = (
        list(value.items()) if isinstance(value, Mapping) else [_name_of(item, spot) for item in _list(value)]
    )
    for name, _ in pairs:
        if not _NAME.fullmatch(name):
            hint = "use letters, digits and _, not starting with a digit"
            raise spot.wrong(f"{name!r} is no name of an output", hint=hint, reason="bad-output-name")
    if len({name for name, _ in pairs}) < len(pairs):
        raise spot.wrong("an output is declared twice", hint="keep one of them", reason="bad-output-name")
    schemas = {name: dict(schema) if isinstance(schema, Mapping) else {} for name, schema in pairs}
    required: list[Json] = [name for name, schema in schemas.items() if _take_required(schema)]
    return {"type": "object", "properties": schemas, "required": required}


def _take_required(schema: dict[str, Json]) -> bool:
    """Take the `required` flag of one output out of its schema; a list there belongs to the schema itself."""
    return schema.pop("required") is True if isinstance(schema.get("required"), bool) else True


def _name_of(item: Json, spot: Spot) -> tuple[str, Json]:
    if isinstance(item, str):
        return item, {}
    if isinstance(item, Mapping) and "name" in item and set(item) <= {"name", "alias"}:
        return str(item.get("alias") or item["name"]), {}  # the alias is what others know it by
    what, hint = "an output is a name, or a name with a schema", "write outputs: [NAME]"
    raise spot.wrong(what, hint=hint, reason="bad-output-name")


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def _need_object(spot: Spot) -> Mapping[str, Json]:
    value = spot.json()
    if not isinstance(value, Mapping) or value.get("type", "object") != "object":
        raise spot.wrong("outputs are an object", hint="write type: object", reason="bad-output-schema")
    return {"type": "object", **value}


def _find_fault(schema: Mapping[str, Json]) -> str:
    for key, value in _walk(schema):
        if key in _REFERENCES:
            return f"{key} is not followed"
        if key == "patternProperties":
            return "patternProperties is not read"
        if key == "pattern" and isinstance(value, str):
            try:
                re2.compile(value)
            except re2.error as exc:
                return f"the pattern {value[:80]!r} can't be used: {exc}"
    try:
        _Validator.check_schema(schema)
    except jsonschema.SchemaError as exc:
        return f"{exc.json_path.removeprefix('$').removeprefix('.') or 'the schema'}: {exc.message[:200]}"
    return ""


def _walk(value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key, item
            yield from _walk(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _walk(item)


def _read_answer(text: str) -> Mapping[str, Json]:
    if len(text) > LARGEST_ANSWER:
        return {}
    fenced = _FENCED.findall(text)
    try:
        value = read_json(fenced[-1] if fenced else text)
    except InputError:
        return {}  # the check names what is missing
    return value if isinstance(value, Mapping) else {}


def _check_pattern(
    _validator: Any, pattern: str, instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str) and re2.search(pattern, instance) is None:
        yield jsonschema.ValidationError(f"{instance[:80]!r} does not match {pattern[:80]!r}")


_Validator: Any = cast(Any, jsonschema.validators).extend(
    jsonschema.Draft202012Validator, {"pattern": _check_pattern}
)
