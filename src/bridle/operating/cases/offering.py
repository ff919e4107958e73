"""The tools of cases as an agent in a session of a case is offered them: without the case, which is the session's own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from bridle.core.canonical import Json
from bridle.gate.manifest import Manifest, builtin_manifests
from bridle.operating.cases.case import PREFIX
from bridle.trust.permissions import holds

ARGUMENT = "case"


def is_case(name: str) -> bool:
    """True for the id of a case; any other name of one is a key of the history, and nothing else."""
    return name.startswith(PREFIX)


def spell_case_tool(tool: str) -> str:
    """Return a case tool's name as clients can write it: `case.show` is `case_show`, which no tool of a server can be."""
    return tool.replace(".", "_")


def list_case_tools(scope: Collection[str]) -> list[Manifest]:
    """Return the tools of cases that an agent with this scope may be offered."""
    return [one for one in _OFFERED.values() if holds(scope, one.needs)]


def find_case_tool(name: str) -> Manifest | None:
    """Return what is known of a case tool by the name that clients write."""
    return _OFFERED.get(name)


def describe_arguments(manifest: Manifest) -> Mapping[str, Json]:
    """Return the arguments that an agent fills in."""
    schema: dict[str, Any] = {**manifest.arguments}
    schema["properties"] = {name: said for name, said in schema["properties"].items() if name != ARGUMENT}
    schema["required"] = [name for name in schema["required"] if name != ARGUMENT]
    return schema


def fill_case(arguments: Mapping[str, Json], case: str) -> dict[str, Json]:
    """Return the arguments with the session's case; one that was given stays, and the gate judges it."""
    return {ARGUMENT: case, **arguments}


def tell_result(value: Json) -> dict[str, Json]:
    """Return what came of a case tool in the form of a server's answer."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=dict)
    return {"content": [{"type": "text", "text": text}], "structured": value}


_OFFERED = {
    spell_case_tool(tool): manifest
    for tool, manifest in builtin_manifests().items()
    if tool.startswith("case.") and manifest.agents
}
