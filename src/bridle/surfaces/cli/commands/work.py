"""`bridle work`: what waits for a person because nobody can tell what became of it, and their answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.core.errors import WaitingError
from bridle.surfaces.cli.command import Answer, command, counter, existing_store, group, settings_alone
from bridle.surfaces.cli.commands.dev import with_servers
from bridle.surfaces.cli.options import Comment
from bridle.trust.work_items import Settlement

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.core.settings import Settings

items = group(
    "work",
    tells="Settle actions of which nobody can tell what became of them: items of work.",
)
looks = partial(command, items, opens=existing_store)
Item = Annotated[str, typer.Argument(help="The item's id.", metavar="ITEM")]


@looks("list", "bridle work list --json")
async def work_list(
    store: Store, everything: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False
) -> Answer:
    """List what is open, the oldest first."""
    found: list[Any] = [one.to_json() for one in await store.work_desk.find(settled=everything)]
    lines = [
        f"{one['id']}  {one['at'][:19]}  {one['state']}  {one['tool']}  {one['stream']}: {one['reason']}"
        for one in found
    ]
    return Answer({"work": found}, lines or "No work is open.")


@looks("show", "bridle work show wrk_01jd3k…")
async def work_show(store: Store, item: Item) -> Answer:
    """Show an item: why it is parked, whose it is, what is known of its action, and what may be answered."""
    parked = await store.work_desk.show(item)
    records = [
        {
            "id": record.id,
            "at": record.at,
            "kind": str(record.kind),
            "said": str(record.body.get("status") or record.body.get("effect") or ""),
        }
        for record in await store.work_desk.records_of(parked)
    ]
    shown = {**parked.to_json(), "next_look": await store.work_desk.next_look(parked), "records": records}
    return Answer(shown, _tell(shown))


def _tell(shown: dict[str, Any]) -> Iterator[str]:
    yield f"{shown['id']}  {shown['state']}  {shown['kind']}: {shown['reason']}"
    yield f"  {shown['tool']} in {shown['stream']}, of {shown['owner'] or 'nobody known'}"
    if shown["case"]:
        yield f"  case {shown['case']}"
    for record in shown["records"]:
        yield f"  {record['at'][:19]}  {record['kind']}  {record['said']}  {record['id']}"
    for look in shown["looks"]:
        asked = f"its target was asked again ({look['number']} of {look['of']})"
        yield f"  {look['at'][:19]}  {asked}: {look['why'] or look['answer']}"
    if shown["next_look"]:
        yield f"  its target is asked again at {shown['next_look'][:19]}"
    if "settled" in shown:
        said = shown["settled"]
        yield f"  settled as {said['answer']} by {said['name'] or said['by']}: {said['comment']}".rstrip(": ")
    else:
        yield f"  bridle work resolve {shown['id']} --as {' | '.join(shown['offers'])}"


@command(
    items,
    "resolve",
    "bridle work resolve wrk_01jd3k… --as done --comment 'ledger has R-17'",
    opens=settings_alone,
)
async def work_resolve(
    settings: Settings,
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
) -> Answer:
    """Settle an item. It takes the permission work:settle, is signed, and counts once.

    Ends with 6 when what undoes it waits for an approval; give the same answer again when it is approved.
    """
    told = await _resolve(with_servers(settings, servers), item, answer, name=name, comment=comment)
    if "approval" in told:
        waits = f"What undoes it waits for {told['approval']}; resolve {item} again once it is approved"
        return Answer(told, waits, code=WaitingError.exit_code)
    return Answer(told, f"{item} is settled as {answer}")


async def _resolve(
    settings: Settings, item: str, answer: Settlement, *, name: str, comment: str
) -> dict[str, Any]:
    if answer is Settlement.COMPENSATE:
        return await _undo(settings, item, name=name, comment=comment)
    async with counter(settings) as at:
        by = at.author(name, comment)
        return (await at.store.work_desk.settle(item, answer, by=by)).to_json()


async def _undo(settings: Settings, item: str, *, name: str, comment: str) -> dict[str, Any]:
    from bridle.app import open_app
    from bridle.operating.work import Parked
    from bridle.trust.notary import Author

    async with open_app(settings) as app:
        await app.tools.refresh()
        done = await app.undoing.undo(item, by=Author(app.user.id, name, comment))
        return done.to_json() if isinstance(done, Parked) else {"id": item, "approval": done.approval}
