"""`bridle limits`: how much the fleet may do, and how much of it is used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.app import Store as OpenStore
    from bridle.core.canonical import Json

MOST_SHOWN = 5  # groups of a limit, for a person


def register(app: typer.Typer) -> None:
    app.command(name="limits", epilog="Example: bridle limits --json")(limits)


def limits(
    close: Annotated[
        str, typer.Option("--close", help="Close this open breaker by hand.", metavar="ID")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it may be tried again.", metavar="TEXT")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Show the limits in force (limits.yaml and what ships), how full each one is for whom, and which breakers are open.

    --close lets what an open breaker holds up be tried again at once; who does needs the permission breaker:close.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    if close:
        asyncio.run(_close(load_settings(store_url=store), close, reason))
        if as_json:
            print_json({"closed": close})
        else:
            put(f"{close} is closed")
        return 0
    with open_existing_store(load_settings(store_url=store)) as opened:
        found, breakers, broken = asyncio.run(_read(opened))
    if as_json:
        print_json({"limits": found, "breakers": breakers, "open": broken})
        return 0
    for limit in found:
        _tell(limit)
    for one in broken:
        put(
            f"open  {one['id']}  {one['breaker']} {one['subject']}  since {one['opened_at'][:19]}, until {one['until'][:19]}"
        )
    if not broken:
        put("No breaker is open.")
    return 0


async def _close(settings: Any, circuit: str, reason: str) -> None:
    from bridle.app import open_counter
    from bridle.core.errors import InputError
    from bridle.gate.breakers import PERMISSION, STREAM, CloseCircuit
    from bridle.trust.access import require
    from bridle.trust.journal import Entry, GuardError, Kind

    async with open_counter(settings) as counter:
        await require(counter.store.principals, counter.user.id, PERMISSION)
        body: dict[str, Json] = {"by": counter.user.id, "reason": reason}
        try:
            await counter.store.journal.append(
                [Entry(Kind.BREAKER_CLOSED, STREAM, circuit, body)], [CloseCircuit(circuit)]
            )
        except GuardError as error:
            raise InputError(
                f"no breaker {circuit} is open", hint="bridle limits", reason="not-open"
            ) from error


async def _read(store: OpenStore) -> tuple[list[dict[str, Any]], list[Any], list[Any]]:
    limits = store.limits.source.read()
    fillings = await store.limits.rooms.fillings(limits, now=store.clock.now())
    broken = [one.to_json() for one in await store.limits.circuits.opened()]
    breakers = [breaker.to_json() for breaker in store.limits.source.breakers()]
    shown = [
        {
            **limit.to_json(),
            "used": [
                {"group": one.group, "used": f"{one.used.normalize():f}"}
                for one in fillings
                if one.limit == limit.name
            ],
        }
        for limit in limits
    ]
    return shown, breakers, broken


def _tell(limit: dict[str, Any]) -> None:
    what = ", ".join([*limit["tools"], *limit["effects"]])
    put(
        f"{limit['limit']:<20} {limit['most']} {limit['counts']} in {limit['within_s']} s per {limit['per']}, "
        f"then {limit['then']}: {what}"
    )
    for one in limit["used"][:MOST_SHOWN]:
        put(f"  {one['used']:>10} of {limit['most']}  {one['group'] or limit['per']}")
    more = len(limit["used"]) - MOST_SHOWN
    if more > 0:
        put(f"  and {more} more: bridle limits --json")
