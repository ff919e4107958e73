"""What contradicts itself in an entry of a manifest, beyond what its schema can say. Each complaint has its place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema

from bridle.core.errors import InputError
from bridle.core.patterns import found_in
from bridle.gate.manifest import Effect
from bridle.pipeline.durations import parse_duration


def check_entry(entry: Mapping[str, Any], *, tool: str = "", where: str) -> None:
    """Raise InputError for an entry that contradicts itself."""
    recovery = entry.get("recovery", "none")
    if recovery == "read" and entry["effect"] != "read":
        raise wrong_entry("only what reads is recovered by doing it again", where, hint="use keyed or none")
    if (recovery == "keyed") != bool(entry.get("key")):
        raise wrong_entry(
            "recovery keyed and `key` belong together", where, hint="name the argument that carries it"
        )
    if "spend" in entry and not Effect(entry["effect"]).lasts:
        raise wrong_entry("what spends is consequential or destructive", where)
    _check_once(entry, where=where)
    _check_duty(entry, where=where)
    _check_substitute(entry, tool=tool, where=where)
    given = entry.get("arguments")
    if given is None:
        return
    try:
        jsonschema.Draft202012Validator.check_schema({"type": "object", **given})
    except jsonschema.SchemaError as error:
        raise wrong_entry(f"`arguments` is no JSON Schema: {error.message}", where) from error
    _check_patterns(given, where=where)
    unknown = sorted(named_arguments(entry) - set(given.get("properties", {})))
    if unknown:
        raise wrong_entry(
            f"arguments has no {', '.join(unknown)}", where, hint="declare it there, or take it out"
        )


def _check_patterns(schema: Any, *, where: str) -> None:
    """Refuse what could not be matched in linear time: the value is the model's, and would hold up everybody."""
    parts = schema if isinstance(schema, list) else schema.values() if isinstance(schema, Mapping) else ()
    for part in parts:
        _check_patterns(part, where=where)
    if not isinstance(schema, Mapping):
        return
    if "patternProperties" in schema:
        raise wrong_entry("patternProperties is not read", where, hint="name the properties")
    if isinstance(schema.get("pattern"), str):
        try:
            found_in("", schema["pattern"])
        except ValueError as error:
            what = f"the pattern {schema['pattern'][:80]!r} can't be used: {error}"
            raise wrong_entry(what, where, hint="look-around and back references are not known") from error


def check_lookup(entry: Mapping[str, Any], tools: Mapping[str, Any], *, where: str) -> None:
    """Raise InputError for a look-up that cannot be asked of the `tools` of the same file."""
    lookup, recovery = entry.get("lookup"), entry.get("recovery", "none")
    if lookup is None:
        if recovery == "lookup":
            raise wrong_entry("recovery lookup says how to look", where, hint="add `lookup`")
        return
    if recovery not in ("lookup", "keyed"):
        raise wrong_entry("`lookup` is for recovery lookup or keyed", where)
    asked = tools.get(lookup["tool"])
    if asked is None or asked["effect"] != "read":
        what = f"{lookup['tool']} is no tool of this file that reads"
        raise wrong_entry(what, where, hint="only what reads may be asked again")
    offered = (asked.get("arguments") or {}).get("properties")
    unknown = sorted(set(lookup["arguments"]) - set(offered)) if offered is not None else ()
    if unknown:
        raise wrong_entry(f"{lookup['tool']} has no {', '.join(unknown)}", where)
    if "after" in lookup and parse_duration(lookup["after"]) is None:
        raise wrong_entry(f"{lookup['after']!r} is no span of time", where, hint="write 30s or 5m")


def _check_duty(entry: Mapping[str, Any], *, where: str) -> None:
    duty = entry.get("obliges")
    if duty is None:
        return
    if not Effect(entry["effect"]).lasts:
        raise wrong_entry("what obliges to something is consequential or destructive", f"{where}/obliges")
    if parse_duration(duty["within"]) is None:
        raise wrong_entry(
            f"{duty['within']!r} is no span of time", f"{where}/obliges/within", hint="write 15m or 2h"
        )


def _check_once(entry: Mapping[str, Any], *, where: str) -> None:
    once, given = entry.get("once", ()), entry.get("arguments")
    if once and not Effect(entry["effect"]).lasts:
        raise wrong_entry("what is done once is consequential or destructive", where)
    if entry.get("key") in once:
        raise wrong_entry("the key follows from `once`, and is no part of it", where)
    optional = sorted(set(once) - set((given or {}).get("required", ())))
    if once and given is not None and optional:
        raise wrong_entry(
            f"`once` names what may be left out: {', '.join(optional)}", where, hint="require it"
        )


def _check_substitute(entry: Mapping[str, Any], *, tool: str, where: str) -> None:
    if "business" in entry and not entry.get("once"):
        raise wrong_entry("`business` and `once` belong together", where, hint="say what makes it one")
    substitute = entry.get("substitute")
    if substitute is None:
        return
    if "business" not in entry:
        raise wrong_entry(
            "`substitute` wants `business`",
            where,
            hint="give both entries the same, so that one of them does it",
        )
    if substitute["tool"] == tool:
        raise wrong_entry("a tool is no substitute for itself", f"{where}/substitute")
    if substitute.get("refused") and "lookup" not in entry:
        raise wrong_entry(
            "`refused` wants `lookup`", f"{where}/substitute", hint="say how the target is asked"
        )


def named_arguments(entry: Mapping[str, Any]) -> set[str]:
    """Return the arguments that an entry speaks of outside its schema."""
    return {
        *entry.get("control", ()),
        *entry.get("target", ()),
        *entry.get("once", ()),
        *entry.get("obliges", {}).get("matching", ()),
        *entry.get("lookup", {}).get("arguments", {}).values(),
        *entry.get("substitute", {}).get("arguments", {}).values(),
        *([entry["key"]] if entry.get("key") else ()),
    }


def wrong_entry(what: str, where: str, *, hint: str = "see docs/tools.md") -> InputError:
    """Return the complaint about an entry."""
    return InputError(what, where=where, hint=hint, reason="bad-manifest")
