"""`bridle decide`: what a person decides about a failed step whose failure strategy asks one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.options import As, AsJson, Comment, Policies, Quiet, Store

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.surfaces.cli.closing import Closing


def register(app: typer.Typer) -> None:
    app.command(
        name="decide", epilog="Example: bridle decide exe_01jd3k… deploy/roll retry --comment 'disk freed'"
    )(decide)


def decide(
    execution: Annotated[str, typer.Argument(help="The execution's id.", metavar="EXECUTION")],
    path: Annotated[str, typer.Argument(help="The step, as stage/step.", metavar="PATH")],
    answer: Annotated[
        str,
        typer.Argument(
            help="One of what is offered: bridle executions EXECUTION lists it.", metavar="ANSWER"
        ),
    ],
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    policies: Policies = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Decide what becomes of a failed step, once; carry the execution on if no live process does."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.closing import conclude, tell_held
    from bridle.surfaces.cli.reading import check_store

    settings = load_settings(store_url=store, policies=policies or ())
    check_store(settings)
    said = (path, answer, name, comment)
    closing = asyncio.run(_decide_and_carry(settings, execution, said, quiet=quiet or as_json))
    if closing is not None:
        return conclude(closing, as_json=as_json)
    tell_held({"execution": execution, "step": path, "answer": answer}, as_json=as_json)
    return 0


async def _decide_and_carry(
    settings: Settings, execution: str, said: tuple[str, str, str, str], *, quiet: bool
) -> Closing | None:
    from bridle.app import open_app
    from bridle.engine.interventions import Decision
    from bridle.surfaces.cli.closing import carry_unheld

    path, answer, name, comment = said
    async with open_app(settings) as app:
        await app.control.intervene(execution, path, Decision(answer, app.user, comment, name))
        return await carry_unheld(app, execution, quiet=quiet)
