"""`bridle approve` and `bridle deny`: a person's verdict, and the execution carried on when nobody else does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, NoInput, Quiet, Store, print_json, say

if TYPE_CHECKING:
    from bridle.surfaces.cli.closing import Closing

Approval = Annotated[
    str, typer.Argument(help="The approval's id; the only open one if left out.", metavar="APPROVAL")
]
As = Annotated[
    str, typer.Option("--as", help="A name to record beside your identity, as asserted.", metavar="NAME")
]
Comment = Annotated[str, typer.Option(help="Why; it goes into the journal.")]


def register(app: typer.Typer) -> None:
    app.command(name="approve", epilog="Example: bridle approve apr_01jd3k… --comment 'read the difference'")(
        approve
    )
    app.command(name="deny", epilog="Example: bridle deny apr_01jd3k… --comment 'wrong branch'")(deny)


def approve(
    approval: Approval = "",
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Approve exactly the action that was asked for, once; carry the execution on if no live process does."""
    return _give(True, approval, name=name, comment=comment, store=store, quiet=quiet, as_json=as_json)


def deny(
    approval: Approval = "",
    name: As = "",
    comment: Comment = "",
    store: Store = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Refuse the action that was asked for; carry the execution on if no live process does."""
    return _give(False, approval, name=name, comment=comment, store=store, quiet=quiet, as_json=as_json)


def _give(
    approved: bool, approval: str, *, name: str, comment: str, store: str, quiet: bool, as_json: bool
) -> int:
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.closing import conclude

    settings = load_settings(store_url=store)
    closing = asyncio.run(
        _give_and_carry(
            settings, approval, approved=approved, name=name, comment=comment, quiet=quiet or as_json
        )
    )
    if closing is not None:
        return conclude(closing, as_json=as_json)
    if as_json:
        print_json({"approval": approval, "verdict": "approved" if approved else "denied", "carried": False})
    else:
        say("Recorded; the process that holds the execution carries it on.")
    return 0


async def _give_and_carry(
    settings: Any, approval: str, *, approved: bool, name: str, comment: str, quiet: bool
) -> Closing | None:
    from bridle.app import open_app
    from bridle.engine.control import Verdict
    from bridle.surfaces.cli.carry import Manner, carry, interruptible
    from bridle.surfaces.cli.closing import close

    async with open_app(settings) as app:
        chosen = approval or await _only_open(app)
        if not quiet:
            await _show(app, chosen)
        verdict = Verdict(approved, app.user, name=name, comment=comment)
        execution = (await app.control.give_verdict(chosen, verdict)).execution
        if await app.durable.held_elsewhere(execution):
            return None
        await app.control.carry_on(execution)
        manner = Manner(quiet=quiet, no_input=True)
        summary = await interruptible(execution, lambda: carry(app, execution, manner))
        return await close(app, summary, manner)


async def _show(app: Any, approval: str) -> None:
    """Show what is about to be answered; a request that is not there is refused where the verdict is given."""
    from bridle.surfaces.cli.show import show_approval

    found = await app.approvals.get(approval)
    if found is not None:
        say(show_approval(found))


async def _only_open(app: Any) -> str:
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.carry import open_approvals

    found = await open_approvals(app)
    if len(found) == 1:
        return str(found[0].id)
    listed = ", ".join(item.id for item in found) or "none is open"
    raise InputError("name the approval", hint=f"open: {listed}", reason="which-approval")
