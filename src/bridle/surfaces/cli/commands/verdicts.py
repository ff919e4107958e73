"""`bridle approvals` lists what waits; `approve`, `deny`, `revoke` are a person's verdict, which carries the execution on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import (
    As,
    AsJson,
    Comment,
    NoInput,
    Policies,
    Quiet,
    Store,
    print_json,
    put,
    say,
)

if TYPE_CHECKING:
    from datetime import datetime

    from bridle.app import Store as OpenStore
    from bridle.core.settings import Settings
    from bridle.engine.interventions import Intervention
    from bridle.surfaces.cli.closing import Closing

Approval = Annotated[
    str,
    typer.Argument(
        help="The approval's id, or that of a plan of calls (pln_…); the only open one if left out.",
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
MOST_WAITING = 10_000  # whoever has more needs an inbox, not a list


@dataclass(frozen=True)
class Said:
    """What a person says on the command line."""

    approved: bool
    name: str
    comment: str
    inputs: dict[str, str] = field(default_factory=dict)
    behalf: str = ""


def register(app: typer.Typer) -> None:
    app.add_typer(approvals_app, name="approvals")
    app.command(name="approve", epilog="Example: bridle approve apr_01jd3k… --comment 'read the difference'")(
        approve
    )
    app.command(name="deny", epilog="Example: bridle deny apr_01jd3k… --comment 'wrong branch'")(deny)
    app.command(name="revoke", epilog="Example: bridle revoke apr_01jd3k… --as ana")(revoke)


def approve(
    approval: Approval = "",
    name: As = "",
    given: Inputs = None,
    comment: Comment = "",
    behalf: Behalf = "",
    store: Store = "",
    policies: Policies = None,
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Approve exactly the action that was asked for, once; carry the execution on if no live process does."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.inputs import read_pairs

    said = Said(True, name, comment, read_pairs(given or []), behalf)
    settings = load_settings(store_url=store, policies=policies or ())
    return _give(settings, said, approval, quiet=quiet, as_json=as_json)


def deny(
    approval: Approval = "",
    name: As = "",
    comment: Comment = "",
    behalf: Behalf = "",
    store: Store = "",
    policies: Policies = None,
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Refuse the action that was asked for; carry the execution on if no live process does."""
    from bridle.core.settings import load_settings

    settings = load_settings(store_url=store, policies=policies or ())
    return _give(settings, Said(False, name, comment, behalf=behalf), approval, quiet=quiet, as_json=as_json)


def revoke(
    approval: Annotated[str, typer.Argument(help="The approval's id.", metavar="APPROVAL")],
    name: As = "",
    comment: Comment = "",
    behalf: Behalf = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Take your own approval back, as long as it has not been used; the request waits again."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store
    from bridle.surfaces.cli.show_waiting import describe_waiting, show_waiting

    settings = load_settings(store_url=store)
    check_store(settings)
    found = asyncio.run(_revoke(settings, approval, Said(True, name, comment, behalf=behalf)))
    if as_json:
        print_json(describe_waiting(found))
    else:
        put("Taken back.")
        put(show_waiting(found))
    return 0


@approvals_app.callback(epilog="Example: bridle approvals --json")
def approvals(context: typer.Context, store: Store = "", as_json: AsJson = False) -> int:
    """List what waits for people, how many more it takes, whose word it takes, the failed steps to decide about, and who answers
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


def _give(settings: Settings, said: Said, approval: str, *, quiet: bool, as_json: bool) -> int:
    from bridle.surfaces.cli.closing import conclude, tell_at_door, tell_held
    from bridle.surfaces.cli.reading import check_store

    check_store(settings)
    given = asyncio.run(_give_and_carry(settings, approval, said, quiet=quiet or as_json))
    verdict = "approved" if said.approved else "denied"
    if given.closing is not None:
        return conclude(given.closing, as_json=as_json)
    if given.at_door:
        told = {"approval": given.approval, "verdict": verdict, "session": given.stream}
        return tell_at_door(told, as_json=as_json)
    tell_held({"approval": given.approval, "verdict": verdict}, as_json=as_json)
    return 0


@dataclass(frozen=True)
class Given:
    """A verdict that was recorded: of which execution or session, and how that execution ended if it was carried here."""

    approval: str
    stream: str
    at_door: bool = False
    closing: Closing | None = None


async def _give_and_carry(settings: Settings, approval: str, said: Said, *, quiet: bool) -> Given:
    from bridle.app import open_app
    from bridle.surfaces.cli.closing import carry_unheld

    async with open_app(settings) as app:
        chosen = approval or await _only_open(app)
        if not quiet:
            await _show(app, chosen)
        stream = (await app.control.give_verdict(chosen, _verdict(app, said))).execution
        if await app.sessions.get(stream) is not None:
            return Given(chosen, stream, at_door=True)
        return Given(chosen, stream, closing=await carry_unheld(app, stream, quiet=quiet))


async def _revoke(settings: Settings, approval: str, said: Said) -> Any:
    from bridle.app import open_app

    async with open_app(settings) as app:
        return await app.control.revoke_verdict(approval, _verdict(app, said))


def _verdict(app: Any, said: Said) -> Any:
    from bridle.engine.control import Verdict

    return Verdict(
        said.approved,
        app.user,
        name=said.name,
        comment=said.comment,
        inputs=said.inputs,
        behalf=said.behalf,
    )


async def _show(app: Any, approval: str) -> None:
    """Show what is about to be answered; a request that is not there is refused where the verdict is given."""
    from bridle.surfaces.cli.show import show_approval

    if approval.startswith("pln_"):
        from bridle.gate.planning import find_plan
        from bridle.surfaces.cli.show_plan import show_plan

        say(show_plan((await find_plan(app.journal, app.approvals, approval))[0]))
        return
    found = await app.approvals.get(approval)
    if found is not None:
        say(show_approval(found))


async def _only_open(app: Any) -> str:
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
