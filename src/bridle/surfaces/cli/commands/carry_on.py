"""`bridle resume`: carry on what has not ended, and lift a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import command, existing_app, root
from bridle.surfaces.cli.options import ApproveAs, AsJson, Detach, NoInput, Quiet

if TYPE_CHECKING:
    from bridle.app import App


@command(root, "resume", "bridle resume exe_01jd3k…", opens=existing_app, policies=True)
async def resume(
    app: App,
    execution: Annotated[
        str, typer.Argument(help="The execution's id; the newest unfinished one if left out.")
    ] = "",
    approve_as: ApproveAs = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> int:
    """Carry on an execution that was paused or interrupted, or waits: in this process if no live one does."""
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude, follow, tell_left

    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    chosen = execution or await _newest_unfinished(app)
    await app.control.resume(chosen, by=app.user)
    if detach and await app.admission.leave(await app.control.get(chosen)):
        return tell_left(chosen, as_json=as_json)
    await app.control.carry_on(chosen)
    return conclude(await follow(app, chosen, manner), as_json=as_json)


async def _newest_unfinished(app: App) -> str:
    """Return the id of the newest execution that has not ended; raise InputError when there is none."""
    from bridle.core.errors import InputError
    from bridle.core.states import State

    found = await app.executions.find(states=[state for state in State if not state.ended], limit=1)
    if not found:
        raise InputError("no execution is unfinished", hint="bridle executions lists them all")
    return found[0].id
