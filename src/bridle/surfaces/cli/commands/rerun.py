"""`bridle rerun`: an ended execution once more, whole or from a stage that failed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import ApproveAs, AsJson, NoInput, Policies, Quiet, Store

if TYPE_CHECKING:
    from bridle.surfaces.cli.carry import Manner
    from bridle.surfaces.cli.closing import Closing


def register(app: typer.Typer) -> None:
    app.command(name="rerun", epilog="Example: bridle rerun exe_01jd3k… --from deploy")(rerun)


def rerun(
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
    store: Store = "",
    policies: Policies = None,
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run the plan of an ended execution again, as it was recorded, in a new one that names the old."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude
    from bridle.surfaces.cli.inputs import read_pairs
    from bridle.surfaces.cli.reading import check_store

    settings = load_settings(store_url=store, policies=policies or ())
    check_store(settings)
    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    closing = asyncio.run(_rerun(settings, execution, from_stage, read_pairs(given or []), manner))
    return conclude(closing, as_json=as_json)


async def _rerun(
    settings: Any, execution: str, from_stage: str, given: dict[str, str], manner: Manner
) -> Closing:
    from bridle.app import open_app
    from bridle.surfaces.cli.closing import follow

    async with open_app(settings) as app:
        begun = await app.control.rerun(execution, given=given, from_stage=from_stage, initiator=app.user)
        return await follow(app, begun.id, manner)
