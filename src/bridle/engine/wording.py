"""An action in a few words for a person: what it is about, and why it failed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.core.visible import hide_userinfo

PREPARES = re.compile(r"import [\w., ]+|from [\w.]+ import [\w., ]+|try:|set -[\w ]+|#.*")


def describe_target(arguments: Mapping[str, Json]) -> str:
    """Return in a few words what an action is about."""
    for name in ("path", "branch", "repository", "pattern", "script", "model", "tree"):
        value = arguments.get(name)
        if isinstance(value, str):
            said = _deeds(value) if name == "script" else value
            return " ".join(hide_userinfo(said).split())[:80]
    return ""


def _deeds(script: str) -> str:
    """Return what a script of several lines does, without the lines that only prepare: the room for it is short."""
    lines = [line.strip() for line in script.split("\n") if line.strip()]
    return "; ".join([line for line in lines if not PREPARES.fullmatch(line)] or lines)


def describe_failure(value: Json) -> str:
    """Return the last line of what a failed action said."""
    if not isinstance(value, Mapping):
        return str(value)
    if value.get("error"):
        return str(value["error"])
    if value.get("why", "exit") != "exit":
        return f"stopped: {value['why']}"
    if isinstance(value.get("report"), Mapping):
        return ""  # a red suite is a result, not a refusal
    lines = f"{value.get('stdout', '')}\n{value.get('stderr', '')}".split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else f"exit code {value.get('exit_code')}"
