"""`bridle decide`: what a person decides about a failed step whose failure strategy asks one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import command, existing_app, root
from bridle.surfaces.cli.options import As, AsJson, Comment, Quiet

if TYPE_CHECKING:
    from bridle.app import App


@command(
    root,
    "decide",
    "bridle decide exe_01jd3k… deploy/roll retry --comment 'disk freed'",
    opens=existing_app,
    policies=True,
)
async def decide(
    app: App,
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
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Decide what becomes of a failed step, once; carry the execution on if no live process does."""
    from bridle.engine.interventions import Decision
    from bridle.surfaces.cli.closing import carry_unheld, conclude, tell_held

    await app.control.intervene(execution, path, Decision(answer, app.user, comment, name))
    closing = await carry_unheld(app, execution, quiet=quiet or as_json)
    if closing is not None:
        return conclude(closing, as_json=as_json)
    return tell_held({"execution": execution, "step": path, "answer": answer}, as_json=as_json)
