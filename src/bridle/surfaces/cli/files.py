"""Reads what people hand to the command line, pipeline files and inputs, and writes the files that they ask for."""

from __future__ import annotations

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
    data = open_bytes(path, most_bytes=LARGEST_FILE_BYTES + 1)
    if len(data) > LARGEST_FILE_BYTES:
        raise InputError(
            f"larger than {LARGEST_FILE_BYTES} bytes",
            where=str(path),
            hint="check that it is the file you mean",
            reason="too-large",
        )
    return _decode(data, path)


def open_text(path: Path) -> str:
    """Read a text file of any size; raise InputError when it is missing or not UTF-8."""
    return _decode(open_bytes(path), path)


def open_bytes(path: Path, *, most_bytes: int = -1) -> bytes:
    """Read a file, or its first `most_bytes`; raise InputError when that cannot be done."""
    try:
        with path.open("rb") as file:
            return file.read(most_bytes)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check the path", reason="no-file"
        ) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, and the folder it lies in; raise InputError when that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            hint="name a place that is yours and has room",
            reason="not-written",
        ) from error


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", where=str(path), hint="save it as UTF-8", reason="not-utf-8"
        ) from error


def parse_inputs(plan: Plan, given: Sequence[str]) -> dict[str, Json]:
    """Read `name=value` pairs as the plan declares them; the last one of a name counts. Raise InputError."""
    values: dict[str, Json] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"{pair!r} is not NAME=VALUE", hint="write --input branch=main")
        values[name] = text
    return dict(resolve_inputs(plan, values))
