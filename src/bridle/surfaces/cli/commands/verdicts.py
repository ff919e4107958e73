"""`bridle approvals` lists what waits; `approve`, `deny`, `revoke` are a person's verdict, which carries the execution on."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import Answer, command, existing_app, root
from bridle.surfaces.cli.options import (
    As,
    AsJson,
    Comment,
    NoInput,
    Quiet,
    Store,
    is_terminal,
    print_json,
    put,
    say,
)

if TYPE_CHECKING:
    from datetime import datetime

    from bridle.app import App
    from bridle.app import Store as OpenStore
    from bridle.engine.control import Verdict
    from bridle.engine.interventions import Intervention

Approval = Annotated[
    str,
    typer.Argument(
        help="The approval's id, or that of a plan of calls (pln_…); the only open one if left out (a terminal asks first).",
        metavar="APPROVAL",
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", help="What the approval asks you to fill in; may be repeated.", metavar="NAME=VALUE"
    ),
]
Behalf = Annotated[
    str,
    typer.Option("--on-behalf-of", help="In whose place you answer; they named you for it.", metavar="NAME"),
]
approvals_app = typer.Typer(invoke_without_command=True)
root.add_typer(approvals_app, name="approvals")
gives = partial(command, root, opens=existing_app, policies=True)
MOST_WAITING = 10_000  # whoever has more needs an inbox, not a list


@gives("approve", "bridle approve apr_01jd3k… --comment 'read the difference'")
async def approve(
    app: App,
    approval: Approval = "",
    name: As = "",
    given: Inputs = None,
    comment: Comment = "",
    behalf: Behalf = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Approve exactly the action that was asked for, once; carry the execution on if no live process does."""
    from bridle.engine.control import Verdict
    from bridle.surfaces.cli.inputs import read_pairs

    verdict = Verdict(
        True, app.user, name=name, comment=comment, inputs=read_pairs(given or []), behalf=behalf
    )
    asks = is_terminal(no_input=no_input or as_json)
    return await _give(app, verdict, approval, asks=asks, quiet=quiet or as_json, as_json=as_json)


@gives("deny", "bridle deny apr_01jd3k… --comment 'wrong branch'")
async def deny(
    app: App,
    approval: Approval = "",
    name: As = "",
    comment: Comment = "",
    behalf: Behalf = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Refuse the action that was asked for; carry the execution on if no live process does."""
    from bridle.engine.control import Verdict

    verdict = Verdict(False, app.user, name=name, comment=comment, behalf=behalf)
    asks = is_terminal(no_input=no_input or as_json)
    return await _give(app, verdict, approval, asks=asks, quiet=quiet or as_json, as_json=as_json)


@command(root, "revoke", "bridle revoke apr_01jd3k… --as ana", opens=existing_app)
async def revoke(
    app: App,
    approval: Annotated[str, typer.Argument(help="The approval's id.", metavar="APPROVAL")],
    name: As = "",
    comment: Comment = "",
    behalf: Behalf = "",
) -> Answer:
    """Take your own approval back, as long as it has not been used; the request waits again."""
    from bridle.engine.control import Verdict
    from bridle.surfaces.cli.show_waiting import describe_waiting, show_waiting

    verdict = Verdict(True, app.user, name=name, comment=comment, behalf=behalf)
    found = await app.control.revoke_verdict(approval, verdict)
    return Answer(describe_waiting(found), ["Taken back.", *show_waiting(found).splitlines()])


@approvals_app.callback(epilog="Example: bridle approvals --json")
def approvals(context: typer.Context, store: Store = "", as_json: AsJson = False) -> int:
    """List what waits for people: how many more it takes, whose word it takes, the failed steps to decide about, and who answers
    in whose place.

    In the document of --json, `kind` says which of the three an entry is.
    """
    if context.invoked_subcommand is not None:
        return 0
    from datetime import UTC, datetime

    from bridle.core.settings import load_settings
    from bridle.engine.control import find_open, find_void
    from bridle.surfaces.cli.reading import open_existing_store
    from bridle.surfaces.cli.show_waiting import (
        describe_deputy,
        describe_intervention,
        describe_waiting,
        show_deputy,
        show_intervention,
        show_waiting,
    )

    with open_existing_store(load_settings(store_url=store)) as opened:
        now = datetime.now(UTC)
        found = asyncio.run(find_open(opened.approvals, now=now))
        void = asyncio.run(find_void(opened.approvals, now=now))
        asked = asyncio.run(_list_interventions(opened, now))
        deputies = [deputy for deputy, _ in asyncio.run(opened.deputies.active(now))]
    if as_json:
        told = [*map(describe_waiting, [*found, *void]), *map(describe_intervention, asked)]
        print_json([*told, *map(describe_deputy, deputies)])
        return 0
    for item in (*found, *void):
        put(show_waiting(item))
    for intervention in asked:
        put(show_intervention(intervention))
    if not found and not asked:
        put("Nothing waits for anybody.")
    for deputy in deputies:
        put(show_deputy(deputy))
    return 0


async def _list_interventions(opened: OpenStore, now: datetime) -> list[Intervention]:
    from bridle.core.states import State
    from bridle.engine.interventions import find_open_interventions

    executions = await opened.executions.find(states=[State.WAITING], limit=MOST_WAITING)
    return [
        asked for item in executions for asked in await find_open_interventions(opened.journal, item, now=now)
    ]


async def _give(app: App, verdict: Verdict, approval: str, *, asks: bool, quiet: bool, as_json: bool) -> int:
    """Record a verdict, and carry on what waited for it if nobody else does.

    Who names no approval is asked on a terminal, once they have seen which one is open.
    """
    from bridle.surfaces.cli.asking import ask
    from bridle.surfaces.cli.closing import carry_unheld, conclude, tell_at_door, tell_held

    chosen = approval or await _only_open(app)
    if not quiet:
        await _show(app, chosen)
    if asks and not approval:
        word = "approve" if verdict.approved else "deny"
        if await ask(f"{word} {chosen}? [y]es, anything else to leave it waiting: ") not in ("y", "yes"):
            say(f"Left waiting.\n  next: bridle {word} {chosen}")
            return 6
    stream = (await app.control.give_verdict(chosen, verdict)).execution
    told = {"approval": chosen, "verdict": "approved" if verdict.approved else "denied"}
    if await app.sessions.get(stream) is not None:
        return tell_at_door({**told, "session": stream}, as_json=as_json)
    closing = await carry_unheld(app, stream, quiet=quiet)
    return tell_held(told, as_json=as_json) if closing is None else conclude(closing, as_json=as_json)


async def _show(app: App, approval: str) -> None:
    """Show what is about to be answered; one that is not there or not open is refused where the verdict is given."""
    from datetime import UTC, datetime

    from bridle.gate.approvals import ApprovalState
    from bridle.surfaces.cli.show import show_approval

    if approval.startswith("pln_"):
        from bridle.gate.planning import find_plan
        from bridle.surfaces.cli.show_plan import show_plan

        say(show_plan((await find_plan(app.journal, app.approvals, approval))[0]))
        return
    found = await app.approvals.get(approval)
    if found is not None and found.state_at(datetime.now(UTC)) is ApprovalState.OPEN:
        say(show_approval(found))


async def _only_open(app: App) -> str:
    from bridle.core.errors import InputError
    from bridle.gate.planning import named_plan
    from bridle.surfaces.cli.carry import open_approvals

    found = list(dict.fromkeys(named_plan(item) or item.id for item in await open_approvals(app)))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            "nothing waits for anybody's word", hint="bridle executions", reason="which-approval"
        )
    raise InputError("name the approval", hint=f"open: {', '.join(found)}", reason="which-approval")
