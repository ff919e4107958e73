"""Reads what people hand to the command line: pipeline files and inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.plan import Plan
from bridle.pipeline.read import read_pipeline

LARGEST_FILE_BYTES = 1 << 20


def read_plan(path: Path) -> Plan:
    """Read a pipeline file; raise InputError with the place of every fault."""
    return read_pipeline(read_text(path), source=str(path))


def read_text(path: Path) -> str:
    """Read a text file written by a person; raise InputError when it is missing, too large or not UTF-8."""
    text = open_text(path)
    if len(text) > LARGEST_FILE_BYTES:
        raise InputError(f"larger than {LARGEST_FILE_BYTES} bytes", where=str(path), reason="too-large")
    return text


def open_text(path: Path) -> str:
    """Read a text file of any size; raise InputError when it is missing or not UTF-8."""
    try:
        return open_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", where=str(path), hint="save it as UTF-8", reason="not-utf-8"
        ) from error


def open_bytes(path: Path) -> bytes:
    """Read a file; raise InputError when that cannot be done."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check the path", reason="no-file"
        ) from error


def parse_inputs(plan: Plan, given: Sequence[str]) -> dict[str, Json]:
    """Read `name=value` pairs; what the plan does not declare as text is read as JSON."""
    values: dict[str, Json] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"{pair!r} is not NAME=VALUE", hint="write --input branch=main")
        spec = plan.inputs.get(name)
        values[name] = text if spec is None or spec.type in ("string", "secret") else _json(name, text)
    return dict(resolve_inputs(plan, values))


def _json(name: str, text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise InputError(
            f"input {name!r} is not JSON: {text!r}", hint='for instance 3, true or ["a"]'
        ) from error
    return value
