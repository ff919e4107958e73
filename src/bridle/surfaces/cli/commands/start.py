"""`bridle run`: start a pipeline."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import ApproveAs, AsJson, Model, NoInput, Quiet, Store

if TYPE_CHECKING:
    from bridle.surfaces.cli.carry import Manner
    from bridle.surfaces.cli.closing import Closing


def register(app: typer.Typer) -> None:
    app.command(
        name="run", epilog="Example: bridle run pipeline.yaml --input branch=main --model openai:gpt-5"
    )(run_pipeline)


def run_pipeline(
    pipeline: Annotated[Path, typer.Argument(help="The pipeline's YAML file.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", help="An input, as NAME=VALUE; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    model: Model = "",
    approve_as: ApproveAs = "",
    store: Store = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run a pipeline, and follow it to its end or to where it waits for a person."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.carry import Manner
    from bridle.surfaces.cli.closing import conclude
    from bridle.surfaces.cli.files import parse_inputs, read_plan
    from bridle.surfaces.cli.references import agent_roots, check_model, check_references

    plan = read_plan(pipeline)
    check_references(plan, roots=agent_roots())
    check_model(model)
    inputs = parse_inputs(plan, given or [])
    manner = Manner(quiet=quiet or as_json, no_input=no_input, approve_as=approve_as)
    closing = asyncio.run(
        start_and_carry(load_settings(store_url=store), plan, inputs, {"model": model}, manner)
    )
    return conclude(closing, as_json=as_json)


async def start_and_carry(
    settings: Any, plan: Any, inputs: dict[str, Any], options: dict[str, Any], manner: Manner
) -> Closing:
    """Open the system, start an execution and carry it."""
    from bridle.app import open_app
    from bridle.surfaces.cli.carry import carry, interruptible
    from bridle.surfaces.cli.closing import close

    async with open_app(settings) as app:
        execution = await app.control.start(plan, inputs=inputs, options=options, initiator=app.user)
        summary = await interruptible(execution.id, lambda: carry(app, execution.id, manner))
        return await close(app, summary, manner)
