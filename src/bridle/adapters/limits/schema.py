"""The JSON Schema of `limits.yaml`, for editors: what `file` reads, as far as a schema can say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridle.adapters.limits.file import NAME, OFF, TOOL
from bridle.gate.breakers import About
from bridle.gate.limits import Per
from bridle.gate.manifest import Effect

SPAN = {"type": ["string", "integer"]}
NUMBER = {"type": "integer", "minimum": 0}
AMOUNT = {"type": ["string", "integer"]}
MEASURES = {"count": NUMBER, "targets": NUMBER, "amount": AMOUNT, "cost": AMOUNT}
COVERED = {
    "tools": {"type": "array", "items": {"type": "string", "pattern": f"^({TOOL.pattern})$"}},
    "effects": {"type": "array", "items": {"enum": [str(effect) for effect in Effect]}},
}


def make_limits_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the file."""
    limit = {
        "per": {"enum": [str(per) for per in Per]},
        **MEASURES,
        "argument": {"type": "string", "minLength": 1},
        "within": SPAN,
        "then": {"enum": ["deny", "ask"]},
    }
    breaker = {
        "per": {"enum": [str(about) for about in About]},
        "failures": {"type": "integer", "minimum": 1},
        "within": SPAN,
        "cool-down": SPAN,
        "reads": {"enum": ["allow", "deny"]},
    }
    limits = {**_entry(limit, ("within",), ("tools", "effects", "cost")), "oneOf": _one_of(tuple(MEASURES))}
    breakers = _entry(breaker, ("failures", "within", "cool-down"), ("tools", "effects"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Limits and breakers of the account",
        "type": "object",
        "additionalProperties": False,
        "properties": {"limits": _named(limits), "breakers": _named(breakers)},
    }


def _entry(properties: Mapping[str, Any], required: Sequence[str], covers: Sequence[str]) -> dict[str, Any]:
    """Return the schema of an entry, which covers something by at least one of these."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**COVERED, **properties},
        "required": list(required),
        "anyOf": _one_of(covers),
    }


def _one_of(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"required": [name]} for name in names]


def _named(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {"anyOf": [{"const": OFF}, entry]},
    }
