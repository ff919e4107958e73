"""`bridle run`: start a pipeline."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import ApproveAs, AsJson, Model, NoInput, Quiet, Store, print_json, put, say

if TYPE_CHECKING:
    from bridle.engine.summary import Summary
    from bridle.surfaces.cli.carry import Manner


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
    from bridle.surfaces.cli.files import parse_inputs, read_plan

    plan = read_plan(pipeline)
    inputs = parse_inputs(plan, given or [])
    manner = Manner(quiet=quiet or as_json, no_input=no_input, approve_as=approve_as)
    summary = asyncio.run(
        start_and_carry(load_settings(store_url=store), plan, inputs, {"model": model}, manner)
    )
    return conclude(summary, as_json=as_json)


async def start_and_carry(
    settings: Any, plan: Any, inputs: dict[str, Any], options: dict[str, Any], manner: Manner
) -> Summary:
    """Open the system, start an execution and carry it."""
    from bridle.app import open_app
    from bridle.surfaces.cli.carry import carry, interruptible

    async with open_app(settings) as app:
        execution = await app.control.start(plan, inputs=inputs, options=options, initiator=app.user)
        return await interruptible(execution.id, lambda: carry(app, execution.id, manner))


def conclude(summary: Summary, *, as_json: bool) -> int:
    """Print how an execution stands and return the exit code that says so."""
    from bridle.surfaces.cli.carry import exit_code
    from bridle.surfaces.cli.show import show_next, show_summary

    if as_json:
        print_json(summary.to_json())
    else:
        put(show_summary(summary))
        if advice := show_next(summary):
            say(f"\n{advice}")
    return exit_code(summary)
