"""`bridle rerun`: an ended execution once more, whole or from a stage that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import command, existing_app, root
from bridle.surfaces.cli.options import ApproveAs, AsJson, NoInput, Quiet

if TYPE_CHECKING:
    from bridle.app import App


@command(root, "rerun", "bridle rerun exe_01jd3k… --from deploy", opens=existing_app, policies=True)
async def rerun(
    app: App,
    execution: Annotated[str, typer.Argument(help="The execution's id; it has ended.", metavar="EXECUTION")],
    from_stage: Annotated[
        str,
        typer.Option(
            "--from", help="Begin with this stage, and reuse what those before it did.", metavar="STAGE"
        ),
    ] = "",
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            help="An input that differs, as NAME=VALUE; may be repeated.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    approve_as: ApproveAs = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run the plan of an ended execution again, as it was recorded, in a new one that names the old."""
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude, follow
    from bridle.surfaces.cli.inputs import read_pairs

    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    pairs = read_pairs(given or [])
    begun = await app.control.rerun(execution, given=pairs, from_stage=from_stage, initiator=app.user)
    return conclude(await follow(app, begun.id, manner), as_json=as_json)
