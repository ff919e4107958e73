"""`bridle schema`: what a file may look like, for editors and other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from bridle.surfaces.cli.options import AsJson, print_json


def register(app: typer.Typer) -> None:
    app.command(name="schema", epilog="Example: bridle schema pipeline")(schema)


def schema(
    noun: Annotated[str, typer.Argument(help="What kind of file: pipeline.")], as_json: AsJson = False
) -> int:
    """Print the JSON Schema (draft 2020-12) of a kind of file, made from the words that the reader knows."""
    from bridle.core.errors import InputError
    from bridle.pipeline.schema import make_pipeline_schema

    if noun != "pipeline":
        raise InputError(f"there is no schema of {noun!r}", hint="ask for pipeline", reason="unknown-schema")
    print_json(make_pipeline_schema())
    return 0
