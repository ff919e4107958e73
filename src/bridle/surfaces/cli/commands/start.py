"""`bridle run`: start a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import command, root, settings_alone
from bridle.surfaces.cli.options import (
    ApproveAs,
    AsJson,
    Detach,
    Given,
    InputSets,
    Model,
    NoInput,
    Quiet,
    say,
)

if TYPE_CHECKING:
    from bridle.app import App
    from bridle.core.settings import Settings


@command(
    root,
    "run",
    "bridle run pipeline.yaml --input branch=main --model openai:gpt-5",
    opens=settings_alone,
    policies=True,
)
async def run_pipeline(
    settings: Settings,
    pipeline: Annotated[Path, typer.Argument(help="The pipeline's YAML file.")],
    given: Given = None,
    input_sets: InputSets = None,
    stages: Annotated[
        list[str] | None,
        typer.Option(
            "--stage",
            help="Run this stage and skip the others; may be repeated. The pipeline has to allow it: allow-stage-executions.",
            metavar="STAGE",
        ),
    ] = None,
    model: Model = "",
    approve_as: ApproveAs = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    detach: Detach = False,
    case: Annotated[
        str, typer.Option("--case", help="The case that it works on: bridle case list.", metavar="CASE")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Run a pipeline, and follow it to its end or to where it waits for a person.

    Exit codes: 0 done, 2 bad input, 3 not allowed, 4 ran and failed, 5 unavailable, 6 waits for a person.
    """
    from bridle.app import agent_roots, open_app
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude, follow, tell_left
    from bridle.surfaces.cli.files import read_text
    from bridle.surfaces.cli.inputs import parse_inputs
    from bridle.surfaces.cli.models import check_models
    from bridle.surfaces.cli.references import read_referring

    plan = read_referring(pipeline, read_text(pipeline), given=given or [], roots=agent_roots())
    warnings = check_models(plan, chosen=model, settings=settings, here=not detach)
    inputs = parse_inputs(plan, given or [], sets=input_sets or [])
    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    for warning in warnings if not manner.quiet else ():
        say(f"warning: {warning}")
    options = {"model": model, **({"case": case} if case else {})}
    async with open_app(settings) as app:
        await _check_case(app, case)
        left = detach and await app.admission.is_served()
        begun = await app.control.start(
            plan, inputs=inputs, options=options, initiator=app.user, detached=left, stages=stages or []
        )
        if left:
            return tell_left(begun.id, as_json=as_json)
        return conclude(await follow(app, begun.id, manner), as_json=as_json)


async def _check_case(app: App, case: str) -> None:
    """Raise InputError for a case that is not there, or has ended."""
    from bridle.core.errors import InputError

    found = await app.casework.book.get(case) if case else None
    if case and (found is None or found[0].final):
        what = f"the case {case} has ended" if found else f"there is no case {case[:80]!r}"
        raise InputError(what, hint="bridle case list", reason="no-case")
