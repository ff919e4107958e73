"""`bridle cancel` and `bridle pause`: what a person wants of an execution under way. `bridle resume` lifts a pause.

Only the wish is recorded here. The process that carries the execution notices it at once; what no process carries is ended here
when it is cancelled, and stays as it is when it is paused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.core.states import State
from bridle.surfaces.cli.options import AsJson, Quiet, Store, print_json, say

if TYPE_CHECKING:
    from bridle.surfaces.cli.closing import Closing

ExecutionId = Annotated[str, typer.Argument(help="The execution's id.", metavar="EXECUTION")]
Why = Annotated[str, typer.Option("--why", help="Why; it goes into the journal.", metavar="TEXT")]


def register(app: typer.Typer) -> None:
    app.command(name="cancel", epilog="Example: bridle cancel exe_01jd3k… --why 'wrong branch'")(cancel)
    app.command(name="pause", epilog="Example: bridle pause exe_01jd3k… --why 'wait for the audit'")(pause)


def cancel(
    execution: ExecutionId,
    why: Why = "",
    store: Store = "",
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Cancel an execution: what runs is ended, its tokens are deleted, and nothing more of it begins."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.closing import conclude, tell_held
    from bridle.surfaces.cli.reading import check_store

    settings = load_settings(store_url=store)
    check_store(settings)
    closing = asyncio.run(_cancel(settings, execution, why, quiet=quiet or as_json))
    if closing is None:
        tell_held({"execution": execution, "wish": "cancel"}, as_json=as_json, does="ends it")
        return 0
    code = conclude(closing, as_json=as_json)
    return 0 if closing.summary.state is State.CANCELLED else code


def pause(execution: ExecutionId, why: Why = "", store: Store = "", as_json: AsJson = False) -> int:
    """Pause an execution: the step in hand is finished, and nothing more begins until bridle resume."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store

    settings = load_settings(store_url=store)
    check_store(settings)
    asyncio.run(_pause(settings, execution, why))
    if as_json:
        print_json({"execution": execution, "wish": "pause", "carried": False})
    else:
        say(f"Recorded; nothing more of it begins.\n  next: bridle resume {execution}")
    return 0


async def _cancel(settings: Any, execution: str, why: str, *, quiet: bool) -> Closing | None:
    from bridle.app import open_app
    from bridle.surfaces.cli.closing import carry_unheld

    async with open_app(settings) as app:
        await app.control.cancel(execution, by=app.user, why=why)
        return await carry_unheld(app, execution, quiet=quiet)


async def _pause(settings: Any, execution: str, why: str) -> None:
    from bridle.app import open_app

    async with open_app(settings) as app:
        await app.control.pause(execution, by=app.user, why=why)
