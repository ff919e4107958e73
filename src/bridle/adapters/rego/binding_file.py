"""Reads `policies.yaml`: what the account says of itself, and which sets are bound where.

    facts: {spend_limit: "50"}          rules read input.account.spend_limit
    bindings:
      - set: shipped:four-eyes          or a Rego file or folder, relative to this file
        scope: {tool: "mcp.pay.*"}      agent, organisation, project, pipeline, tool, purpose, environment; with *; none is all
        on: [action]                    or save, run, step: asked as a pipeline is taken in, or it, or a step, begins
        mode: enforce                   or log: on trial
        rules: {four-eyes.not-satisfied: log}

A set that ships is bound everywhere, without a binding, once the account names the fact that it is about (ON_BY_FACT): nobody who
names tiers or limits means that nothing comes of them. A binding of that set in the file stands in place of this one.

Whose sets have complaints is found out when they are loaded; that no rule is named which a set does not have, by `bound`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from bridle.core.canonical import Json
from bridle.core.decoding import decode
from bridle.core.errors import InputError
from bridle.core.yaml_text import load_yaml
from bridle.trust.bindings import EVENTS, SCOPE, Binding, Mode

FILE = "policies.yaml"
SHIPPED = "shipped:"
ON_BY_FACT: Mapping[str, str] = {
    "agent_tiers": "tiers",
    "payout_limit": "running-total",
    "case_limit": "running-total",
}
LARGEST_BYTES = 256 << 10
_PATTERN: Mapping[str, Json] = {"type": "string", "minLength": 1, "maxLength": 200}
_MODE: Mapping[str, Json] = {"enum": [str(mode) for mode in Mode]}
SCHEMA: Mapping[str, Json] = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "facts": {"type": "object", "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,62}$"}},
        "bindings": {
            "type": "array",
            "maxItems": 1000,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["set"],
                "properties": {
                    "set": _PATTERN,
                    "scope": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": dict.fromkeys(SCOPE, _PATTERN),
                    },
                    "on": {
                        "type": "array",
                        "minItems": 1,
                        "uniqueItems": True,
                        "items": {"enum": ["action", *sorted(set(EVENTS.values()))]},
                    },
                    "mode": _MODE,
                    "rules": {"type": "object", "additionalProperties": _MODE},
                },
            },
        },
    },
}


@dataclass(frozen=True)
class BindingFile:
    """What a file says: the account's own facts, the bindings, and where each of their sets lies."""

    account: Mapping[str, Json] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)


def read_bindings(file: Path, *, shipped: Path, asked: Collection[str] = ()) -> BindingFile:
    """Read the file, which may be missing; raise InputError that says where a fault is. `asked` are the names of the sets that
    are asked of everyone already."""
    if not file.exists():
        return BindingFile()
    content = _load(file)
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(content))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path)
        raise _wrong(error.message[:400], f"{file}: {place}" if place else str(file))
    content = content or {}
    paths: dict[str, Path] = {}
    bindings = []
    for number, entry in enumerate(content.get("bindings", ())):
        path = _find_set(entry["set"], file.parent, shipped)
        if paths.setdefault(path.name, path) != path:
            raise _wrong(
                f"two policies are called {path.name}", f"{file}: bindings/{number}", hint="rename one"
            )
        bindings.append(_binding(path.name, entry))
    facts = content.get("facts", {})
    for path in [
        _find_set(SHIPPED + name, file.parent, shipped) for fact, name in ON_BY_FACT.items() if fact in facts
    ]:
        if path.name not in paths and path.name not in asked:
            paths[path.name] = path
            bindings.append(Binding(owner=path.name))
    return BindingFile(_exact(facts), tuple(bindings), paths)


def _load(file: Path) -> Any:
    try:
        data = file.read_bytes()
        if len(data) > LARGEST_BYTES:
            raise _wrong(
                f"it is larger than {LARGEST_BYTES} bytes", str(file), hint="split the sets, not this file"
            )
        return load_yaml(decode(data, where=str(file)), where=str(file))
    except OSError as exc:
        raise _wrong(f"cannot be read: {exc.strerror}", str(file)) from exc


def _find_set(name: str, folder: Path, shipped: Path) -> Path:
    if not name.startswith(SHIPPED):
        return (folder / name).resolve()
    wanted = name.removeprefix(SHIPPED)
    found = [path for path in (shipped / wanted, shipped / f"{wanted}.rego") if path.exists()]
    if not found or "/" in wanted or wanted in ("base", "..", "."):
        raise _wrong(f"no set called {wanted!r} ships", name, hint="bridle policy test lists those that do")
    return found[0].resolve()


def _binding(owner: str, entry: Mapping[str, Any]) -> Binding:
    return Binding(
        owner=owner,
        scope=dict(entry.get("scope", {})),
        on=tuple(entry.get("on", ("action",))),
        mode=Mode(entry.get("mode", Mode.ENFORCE)),
        rules={str(name): Mode(mode) for name, mode in entry.get("rules", {}).items()},
    )


def _exact(value: Any) -> Any:
    """Facts have one form: dates and fractions become text, as everywhere."""
    if isinstance(value, Mapping):
        return {str(name): _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _wrong(what: str, where: str, *, hint: str = "see docs/policies.md") -> InputError:
    return InputError(what, where=where, hint=hint, reason="bad-policy-bindings")
