"""`bridle work`: what waits for a person because nobody can tell what became of it, and their answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.core.errors import WaitingError
from bridle.surfaces.cli.commands.dev import with_servers
from bridle.surfaces.cli.options import AsJson, Comment, Store, print_json, put, put_line
from bridle.trust.work_items import Settlement

if TYPE_CHECKING:
    from bridle.core.settings import Settings

work_app = typer.Typer(
    no_args_is_help=True,
    help="Items of work: actions of which nobody can tell what became of them, for a person to settle.",
)
Item = Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")]


def register(app: typer.Typer) -> None:
    app.add_typer(work_app, name="work")


@work_app.command(name="list", epilog="Example: bridle work list --json")
def work_list(
    everything: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """List what is open, the oldest first."""
    from bridle.core.settings import load_settings

    found = asyncio.run(_list(load_settings(store_url=store), everything))
    if as_json:
        print_json({"work": found})
        return 0
    for one in found:
        put_line(
            f"{one['id']}  {one['at'][:19]}  {one['state']}  {one['tool']}  {one['stream']}: {one['reason']}"
        )
    if not found:
        put("No work is open.")
    return 0


@work_app.command(name="show", epilog="Example: bridle work show wrk_01jd3k…")
def work_show(item: Item, store: Store = "", as_json: AsJson = False) -> int:
    """Show an item: why it is parked, whose it is, what is known of its action, and what may be answered."""
    from bridle.core.settings import load_settings

    shown = asyncio.run(_show(load_settings(store_url=store), item))
    if as_json:
        print_json(shown)
        return 0
    put_line(f"{shown['id']}  {shown['state']}  {shown['kind']}: {shown['reason']}")
    put(f"  {shown['tool']} in {shown['stream']}, of {shown['owner'] or 'nobody known'}")
    if shown["case"]:
        put(f"  case {shown['case']}")
    for record in shown["records"]:
        put_line(f"  {record['at'][:19]}  {record['kind']}  {record['said']}  {record['id']}")
    for look in shown["looks"]:
        put_line(
            f"  {look['at'][:19]}  its target was asked again ({look['number']} of {look['of']}): {look['why'] or look['answer']}"
        )
    if shown["next_look"]:
        put(f"  its target is asked again at {shown['next_look'][:19]}")
    if "settled" in shown:
        said = shown["settled"]
        put_line(
            f"  settled as {said['answer']} by {said['name'] or said['by']}: {said['comment']}".rstrip(": ")
        )
    else:
        put(f"  bridle work resolve {shown['id']} --as {' | '.join(shown['offers'])}")
    return 0


@work_app.command(
    name="resolve", epilog="Example: bridle work resolve wrk_01jd3k… --as done --comment 'ledger has R-17'"
)
def work_resolve(
    item: Item,
    answer: Annotated[
        Settlement,
        typer.Option(
            "--as",
            help="done or not-done: what you found out. retry: the very same call may be sent once more. compensate: undo it, "
            "through the gate.",
        ),
    ],
    comment: Comment = "",
    name: Annotated[str, typer.Option("--name", help="Your name, where you have a key of your own.")] = "",
    servers: Annotated[
        Path | None, typer.Option(help="The file of MCP servers; compensate calls one.", metavar="FILE")
    ] = None,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Settle an item. It takes the permission work:settle, is signed, and counts once.

    Ends with 6 when what undoes it waits for an approval; give the same answer again when it is approved.
    """
    from bridle.core.settings import load_settings

    settings = with_servers(load_settings(store_url=store), servers)
    told = asyncio.run(_resolve(settings, item, answer, name=name, comment=comment))
    if as_json:
        print_json(told)
    elif "approval" in told:
        put(f"What undoes it waits for {told['approval']}; resolve {item} again once it is approved")
    else:
        put(f"{item} is settled as {answer}")
    return WaitingError.exit_code if "approval" in told else 0


async def _list(settings: Settings, everything: bool) -> list[dict[str, Any]]:
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(settings) as opened:
        return [one.to_json() for one in await opened.work_desk.find(settled=everything)]


async def _show(settings: Settings, item: str) -> dict[str, Any]:
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(settings) as opened:
        desk = opened.work_desk
        parked = await desk.show(item)
        records = [
            {
                "id": record.id,
                "at": record.at,
                "kind": str(record.kind),
                "said": str(record.body.get("status") or record.body.get("effect") or ""),
            }
            for record in await desk.records_of(parked)
        ]
        return {**parked.to_json(), "next_look": await desk.next_look(parked), "records": records}


async def _resolve(
    settings: Settings, item: str, answer: Settlement, *, name: str, comment: str
) -> dict[str, Any]:
    from bridle.app import open_counter

    if answer is Settlement.COMPENSATE:
        return await _undo(settings, item, name=name, comment=comment)
    async with open_counter(settings) as counter:
        by = counter.author(name, comment)
        return (await counter.store.work_desk.settle(item, answer, by=by)).to_json()


async def _undo(settings: Settings, item: str, *, name: str, comment: str) -> dict[str, Any]:
    from bridle.app import open_app
    from bridle.operating.work import Parked
    from bridle.trust.notary import Author

    async with open_app(settings) as app:
        await app.tools.refresh()
        done = await app.undoing.undo(item, by=Author(app.user.id, name, comment))
        return done.to_json() if isinstance(done, Parked) else {"id": item, "approval": done.approval}
