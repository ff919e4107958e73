"""`bridle resume`: carry on what has not ended, and lift a pause."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import ApproveAs, AsJson, Detach, NoInput, Policies, Quiet, Store

if TYPE_CHECKING:
    from bridle.surfaces.cli.carry import Manner
    from bridle.surfaces.cli.closing import Closing


def register(app: typer.Typer) -> None:
    app.command(name="resume", epilog="Example: bridle resume exe_01jd3k…")(resume)


def resume(
    execution: Annotated[
        str, typer.Argument(help="The execution's id; the newest unfinished one if left out.")
    ] = "",
    approve_as: ApproveAs = "",
    store: Store = "",
    policies: Policies = None,
    no_input: NoInput = False,
    quiet: Quiet = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> int:
    """Lift a pause, and carry on an execution that was interrupted or waits, in this process if no live one does."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude, tell_left
    from bridle.surfaces.cli.reading import check_store

    settings = load_settings(store_url=store, policies=policies or ())
    check_store(settings)
    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    closing = asyncio.run(_resume(settings, execution, manner, detach=detach))
    if isinstance(closing, str):
        tell_left(closing, as_json=as_json)
        return 0
    return conclude(closing, as_json=as_json)


async def _resume(settings: Any, execution_id: str, manner: Manner, *, detach: bool) -> Closing | str:
    """Lift the pause, and carry the execution; or leave it to a serving process and return its id."""
    from bridle.app import open_app
    from bridle.surfaces.cli.closing import follow

    async with open_app(settings) as app:
        chosen = execution_id or await newest_unfinished(app)
        await app.control.resume(chosen, by=app.user)
        if detach and await app.admission.leave(await app.control.get(chosen)):
            return chosen
        await app.control.carry_on(chosen)
        return await follow(app, chosen, manner)


async def newest_unfinished(app: Any) -> str:
    """Return the id of the newest execution that has not ended; raise InputError when there is none."""
    from bridle.core.errors import InputError
    from bridle.core.states import State

    found = await app.executions.find(states=[state for state in State if not state.ended], limit=1)
    if not found:
        raise InputError("no execution is unfinished", hint="bridle executions lists them all")
    return str(found[0].id)
