"""`bridle fmt`: the canonical form of pipeline files. A file is written only when asked, whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import AsJson, print_json, put

STANDARD_INPUT = Path("-")


@root.command(name="fmt", epilog="Example: bridle fmt --check pipeline.yaml")
def fmt(
    files: Annotated[list[Path], typer.Argument(help="Pipeline files; - is standard input.")],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 2 when a file is not in this form.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the files instead of printing them.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write pipelines in their canonical form: one spelling and order of keys, one wrapper, every comment kept."""
    from bridle.core.errors import InputError

    if check and write:
        raise InputError("--check and --write exclude each other", hint="leave one out", reason="usage")
    if write and STANDARD_INPUT in files:
        raise InputError("standard input can't be written", hint="leave --write out", reason="usage")
    results: list[dict[str, Any]] = []
    for path in files:
        try:
            results.append(_format(path))
        except InputError as error:
            results.append({"file": str(path), "problem": error.to_problem(), "message": str(error)})
    if write:
        _write(results)
    _report(results, is_quiet=check or write, as_json=as_json)
    failed = any("problem" in result for result in results)
    return 2 if failed or (check and any(result["changed"] for result in results)) else 0


def _format(path: Path) -> dict[str, Any]:
    from bridle.app import open_library
    from bridle.pipeline.formatting import format_pipeline
    from bridle.surfaces.cli.files import LARGEST_FILE_BYTES, decode_text, read_text
    from bridle.surfaces.cli.locking import open_sets

    is_piped = path == STANDARD_INPUT
    text = decode_text(sys.stdin.buffer.read(LARGEST_FILE_BYTES + 1), path) if is_piped else read_text(path)
    source = "standard input" if is_piped else str(path)
    formatted = format_pipeline(
        text, source=source, library=open_library(path.parent), policies=open_sets(path.parent)
    )
    return {"file": str(path), "changed": formatted != text, "text": formatted}


def _write(results: list[dict[str, Any]]) -> None:
    for result in results:
        if result.get("changed"):
            _replace(Path(result["file"]), result["text"].encode("utf-8"))


def _replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of a file at once: a crash leaves the one or the other."""
    from bridle.surfaces.cli.files import write_bytes

    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}.fmt")
    write_bytes(draft, data)
    draft.chmod(target.stat().st_mode & 0o7777)
    draft.replace(target)


def _report(results: list[dict[str, Any]], *, is_quiet: bool, as_json: bool) -> None:
    if as_json:
        kept = ("file", "changed", "problem") if is_quiet else ("file", "changed", "problem", "text")
        print_json([{key: result[key] for key in kept if key in result} for result in results])
        return
    for result in results:
        if "problem" in result:
            put(result["message"])
        elif is_quiet and result["changed"]:
            put(f"{result['file']}: changed")
        elif not is_quiet:
            sys.stdout.write(result["text"])
