"""External tools: what the owner of an MCP server says of its tools, joined with what the server says itself.

Rules
  1. A tool without an entry (gate.entries) is consequential, cannot be recovered, has high risk and no control arguments, and
     all that it returns is anybody's text. Its arguments are what its server says.
  2. An entry contradicts its server when it names an argument that the server does not know, when it leaves out one that the
     server requires, or when it calls a tool harmless that the server itself calls destructive. Such a tool is stopped, with
     the reason.
  3. What a server says of a tool is pinned by its digest. What it says otherwise later stops the tool until somebody approves it,
     and so does its silence. An agent is told what was pinned, never what is new.
  4. A server's schema may describe, not compute: its patterns are left to the server itself, since one could be made to hang. One
     that is larger than LARGEST_SCHEMA stops its tool; one that takes too many steps fits nothing (`manifest.MOST_CHECKED`).

Pure. Which descriptions were pinned is kept by `adapters.sql.pins`; `operating.tools` reads both and fills the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jsonschema

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import InputError
from bridle.gate.attempts import name_business
from bridle.gate.entries import read_entry
from bridle.gate.entry_checks import named_arguments
from bridle.gate.manifest import (
    Effect,
    Manifest,
    Manifests,
    Recovery,
    builtin_manifests,
    is_external,
    needs_of,
)
from bridle.gate.origins.values import NAMING

LONGEST_DESCRIPTION = 4000
LARGEST_SCHEMA = 64 << 10
COMPUTES = frozenset({"pattern", "patternProperties", "format", "$schema"})
NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})


@dataclass(frozen=True)
class Described:
    """What a server says of one of its tools. `hints` are the annotations of the protocol: claims, believed where they warn.

    `digest` is the delegate's, of the very words: secrets were taken out of what is here.
    """

    name: str
    description: str
    schema: Mapping[str, Json]
    hints: Mapping[str, Json]
    digest: str

    def to_json(self) -> dict[str, Json]:
        return {name: value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Described:
        """Read what `to_json` wrote, or a delegate reported."""
        return cls(**{name: content[name] for name in ("name", "description", "schema", "hints", "digest")})


@dataclass(frozen=True)
class Pin:
    """What was approved of a tool's description, and what its server says now: None when it says nothing any more."""

    tool: str
    pinned: Described
    seen: Described | None


class Catalogue(Manifests):
    """The manifests of built-in tools and, once they are put in, of servers."""

    def __init__(self) -> None:
        self._external: dict[str, Manifest] = {}

    def get(self, tool: str) -> Manifest | None:
        return self._external.get(tool) or builtin_manifests().get(tool)

    def put(self, manifests: Mapping[str, Manifest]) -> None:
        """Replace what is known of external tools; none of them can take a built-in one's name."""
        self._external = {tool: manifest for tool, manifest in manifests.items() if is_external(tool)}

    def external(self) -> Mapping[str, Manifest]:
        """Return what is known of external tools, by name, in the order of their names."""
        return dict(sorted(self._external.items()))


def build_manifest(
    tool: str, entry: Mapping[str, Any] | None, pin: Pin, *, read_only: bool = False
) -> Manifest:
    """Join the owner's entry, if there is one, with what is pinned of the server's own words.

    Of a server that is `read_only` a tool is stopped unless its entry says that it reads, and its server does not deny that.
    """
    stopped = _moved(pin) or _broken(pin.pinned) or (_contradiction(entry, pin.pinned) if entry else "")
    if read_only and not stopped:
        stopped = _writes(entry, pin.pinned)
    theirs = _tame(pin.pinned.schema) or {"type": "object"}
    if entry is None:
        return Manifest(
            tool=tool,
            description=pin.pinned.description[:LONGEST_DESCRIPTION],
            effect=Effect.CONSEQUENTIAL,
            recovery=Recovery.NONE,
            needs=needs_of(tool),
            arguments=theirs,
            declared=False,
            described=pin.pinned.digest,
            stopped=stopped,
        )
    manifest = read_entry(tool, entry)
    arguments = manifest.arguments or {**theirs, "additionalProperties": False}
    described = " ".join(str(entry.get("description") or pin.pinned.description).split())
    target = manifest.target or _naming(manifest)
    return replace(
        manifest,
        description=described[:LONGEST_DESCRIPTION],
        arguments=arguments,
        target=target,
        described=pin.pinned.digest,
        stopped=stopped,
    )


def _writes(entry: Mapping[str, Any] | None, said: Described) -> str:
    if entry is None or entry["effect"] != Effect.READ:
        return "its server is for reading only, and nobody says that it reads"
    if said.hints.get("readOnlyHint") is False:
        return "its server is for reading only, and says that it writes"
    return ""


def offered_schema(manifest: Manifest) -> dict[str, Json]:
    """Return the arguments as an agent is told of them: without the one that carries the action's key."""
    if not manifest.key:
        return dict(manifest.arguments)
    schema: dict[str, Any] = {**manifest.arguments}
    schema["properties"] = {k: v for k, v in schema.get("properties", {}).items() if k != manifest.key}
    schema["required"] = [name for name in schema.get("required", ()) if name != manifest.key]
    return schema


def fill_key(manifest: Manifest, arguments: Mapping[str, Json], *, key: str) -> dict[str, Json]:
    """Return the arguments with the key where the tool wants it; raise InputError when somebody else filled it.

    The key is that of the piece of business, where the owner says what makes a call one, else the action's.
    """
    if not manifest.key:
        return dict(arguments)
    if manifest.key in arguments:
        raise InputError(
            f"{manifest.key} is filled in by the gate",
            where=manifest.tool,
            hint="leave it out",
            reason="key-is-not-yours",
        )
    sent = name_business(manifest, arguments) if manifest.once else digest(key)
    return {**arguments, manifest.key: sent.removeprefix("sha256:")}


def _broken(said: Described) -> str:
    text = json.dumps(_tame(said.schema))
    if len(text) > LARGEST_SCHEMA:
        return f"its server's schema is larger than {LARGEST_SCHEMA} characters"
    return _complain_of_schema(text)


@lru_cache(maxsize=1024)  # a server is looked at again and again, and says the same
def _complain_of_schema(text: str) -> str:
    try:
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    except jsonschema.SchemaError as error:
        return f"its server's schema is none: {error.message[:200]}"
    return ""


def _tame(schema: Any) -> dict[str, Any]:
    """Return a schema without what a validator would have to compute."""
    if not isinstance(schema, Mapping):
        return schema  # type: ignore[no-any-return]
    tamed: dict[str, Any] = {}
    for name, value in schema.items():
        if name in NAMED and isinstance(value, Mapping):
            tamed[name] = {key: _tame(item) for key, item in value.items()}
        elif isinstance(value, list):
            tamed[name] = [_tame(item) for item in value]
        elif name not in COMPUTES:
            tamed[name] = _tame(value)
    return tamed


def _required(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in schema.get("required", ()))


def _naming(manifest: Manifest) -> tuple[str, ...]:
    """Return the control arguments that name something: what was done to one is one history."""
    return tuple(name for name, kind in manifest.control.items() if kind in NAMING)


def _moved(pin: Pin) -> str:
    if pin.seen is None:
        return "its server does not have it any more"
    if pin.seen.digest != pin.pinned.digest:
        return "its server describes it otherwise than when it was approved"
    return ""


def _contradiction(entry: Mapping[str, Any], said: Described) -> str:
    """Return how an entry contradicts the server, or an empty string."""
    theirs = as_mapping(said.schema.get("properties"))
    own = entry.get("arguments") or {}
    named = {*own.get("properties", ()), *named_arguments(entry)}
    unknown = sorted(named - set(theirs))
    if unknown and (theirs or said.schema.get("additionalProperties") is False):
        return f"its manifest names arguments that the server does not know: {', '.join(unknown)}"
    missing = sorted(set(_required(said.schema)) - set(own.get("properties") or theirs))
    if missing:
        return f"its manifest leaves out what the server requires: {', '.join(missing)}"
    harmless = entry["effect"] in (Effect.READ, Effect.REVERSIBLE)
    if harmless and said.hints.get("destructiveHint") is True and said.hints.get("readOnlyHint") is not True:
        return "its manifest calls it harmless, and its server destructive"
    return ""
