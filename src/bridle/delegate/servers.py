"""The file of servers: which MCP servers this delegate reaches, how, and with which credentials.

    servers:
      refunds:
        command: [python, refunds.py]       # started by the delegate, as its own user, in the folder of this file
        env: {MODE: test}
        secrets: {API_KEY: env:REFUNDS_KEY} # variables of the server: references, resolved at each start
      crm:
        url: https://crm.example/mcp        # streamable HTTP
        secrets: {Authorization: file:/run/crm}  # headers
        timeout_s: 30

Rules
  1. A server is either a command or an address. A name is lower-case letters, digits and dashes.
  2. A credential is a reference: its value never stands here, and nobody but the delegate resolves it.
  3. What is said of the servers' tools stands beside the file, in `tools/<server>.yaml` (gate.entries); it is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from bridle.core.canonical import Json
from bridle.core.decoding import decode
from bridle.core.errors import InputError
from bridle.core.yaml_text import load_yaml
from bridle.trust.secrets import parse_reference

DEFAULT_TIMEOUT_S = 60
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_TEXTS: Json = {"type": "object", "additionalProperties": {"type": "string"}}
_SHARED: Mapping[str, Json] = {"secrets": _TEXTS, "timeout_s": {"type": "integer", "minimum": 1}}
SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["servers"],
    "properties": {
        "servers": {
            "type": "object",
            "propertyNames": {"pattern": f"^{NAME.pattern}$"},
            "additionalProperties": {
                "oneOf": [
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["command"],
                        "properties": {
                            **_SHARED,
                            "command": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                            "env": _TEXTS,
                        },
                    },
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["url"],
                        "properties": {**_SHARED, "url": {"type": "string", "pattern": "^https?://"}},
                    },
                ]
            },
        }
    },
}


@dataclass(frozen=True)
class ToolServer:
    """One MCP server. `secrets` map a variable or a header to a reference; `folder` is where a command is started."""

    name: str
    folder: Path
    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = DEFAULT_TIMEOUT_S


def load_servers(path: Path) -> dict[str, ToolServer]:
    """Read the file of servers; raise InputError with the place of what is wrong."""
    try:
        content = load_yaml(decode(path.read_bytes(), where=str(path)), where=str(path))
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint="check the path, or make the file: docs/tools.md",
        ) from error
    _check(content, path)
    return {name: _server(name, entry, path) for name, entry in content["servers"].items()}


def _check(content: Any, path: Path) -> None:
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(SCHEMA).iter_errors(content))
    if fault is None:
        return
    place = "/".join(str(part) for part in fault.absolute_path)
    raise InputError(
        fault.message[:400],
        where=f"{path}: {place}" if place else str(path),
        hint="a server has a command or a url, and may have env, secrets and timeout_s",
        reason="bad-servers",
    )


def _server(name: str, entry: Mapping[str, Any], path: Path) -> ToolServer:
    for reference in entry.get("secrets", {}).values():
        parse_reference(reference)
    return ToolServer(
        name=name,
        folder=path.parent.absolute(),
        command=tuple(entry.get("command", ())),
        url=entry.get("url", ""),
        env=entry.get("env", {}),
        secrets=entry.get("secrets", {}),
        timeout_s=entry.get("timeout_s", DEFAULT_TIMEOUT_S),
    )
