"""`bridle schema`: what a file may look like, for editors and other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import AsJson, print_json


@root.command(name="schema", epilog="Example: bridle schema pipeline")
def schema(
    noun: Annotated[str, typer.Argument(help="What of: pipeline, policy-input, tools, case-type, limits.")],
    as_json: AsJson = False,
) -> int:
    """Print a JSON Schema (draft 2020-12): of a pipeline, of the facts that a policy is asked about, of manifests, of a
    case type, of limits."""
    from bridle.app import make_limits_schema
    from bridle.core.errors import InputError
    from bridle.gate.entries import make_tools_schema
    from bridle.gate.facts_schema import make_facts_schema
    from bridle.pipeline.schema import make_case_type_schema, make_pipeline_schema

    schemas = {
        "pipeline": make_pipeline_schema,
        "policy-input": make_facts_schema,
        "tools": make_tools_schema,
        "case-type": make_case_type_schema,
        "limits": make_limits_schema,
    }
    if noun not in schemas:
        hint = f"ask for {' or '.join(schemas)}"
        raise InputError(f"there is no schema of {noun!r}", hint=hint, reason="unknown-schema")
    print_json(schemas[noun]())
    return 0
