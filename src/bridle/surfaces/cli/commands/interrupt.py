"""`bridle cancel` and `bridle pause`: what a person wants of an execution under way. `bridle resume` lifts a pause.

Only the wish is recorded here. The process that carries the execution notices it at once; what no process carries is ended here
when it is cancelled, and stays as it is when it is paused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.core.states import State
from bridle.surfaces.cli.command import Answer, command, existing_app, root
from bridle.surfaces.cli.options import AsJson, Quiet

if TYPE_CHECKING:
    from bridle.app import App

ExecutionId = Annotated[str, typer.Argument(help="The execution's id.", metavar="EXECUTION")]
Why = Annotated[str, typer.Option("--why", help="Why; it goes into the journal.", metavar="TEXT")]


@command(root, "cancel", "bridle cancel exe_01jd3k… --why 'wrong branch'", opens=existing_app)
async def cancel(
    app: App, execution: ExecutionId, why: Why = "", quiet: Quiet = False, as_json: AsJson = False
) -> int:
    """Cancel an execution: what runs is ended, its tokens are deleted, and nothing more of it begins."""
    from bridle.surfaces.cli.closing import carry_unheld, conclude, tell_held

    await app.control.cancel(execution, by=app.user, why=why)
    closing = await carry_unheld(app, execution, quiet=quiet or as_json)
    if closing is None:
        return tell_held({"execution": execution, "wish": "cancel"}, as_json=as_json, does="ends it")
    code = conclude(closing, as_json=as_json)
    return 0 if closing.summary.state is State.CANCELLED else code


@command(root, "pause", "bridle pause exe_01jd3k… --why 'wait for the audit'", opens=existing_app)
async def pause(app: App, execution: ExecutionId, why: Why = "") -> Answer:
    """Pause an execution: the step in hand is finished, and nothing more begins until bridle resume."""
    await app.control.pause(execution, by=app.user, why=why)
    return Answer(
        {"execution": execution, "wish": "pause", "carried": False},
        aside=f"Recorded; nothing more of it begins.\n  next: bridle resume {execution}",
    )
