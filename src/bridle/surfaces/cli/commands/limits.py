"""`bridle limits`: how much the fleet may do, and how much of it is used."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.app import Store as OpenStore

MOST_SHOWN = 5  # groups of a limit, for a person


def register(app: typer.Typer) -> None:
    app.command(name="limits", epilog="Example: bridle limits --json")(limits)


def limits(store: Store = "", as_json: AsJson = False) -> int:
    """Show the limits in force (limits.yaml and what ships), and how full each one is for whom."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        found = asyncio.run(_read(opened))
    if as_json:
        print_json({"limits": found})
        return 0
    for limit in found:
        _tell(limit)
    return 0


async def _read(store: OpenStore) -> list[dict[str, Any]]:
    limits = store.limits.source.read()
    fillings = await store.limits.rooms.fillings(limits, now=datetime.now(UTC))
    return [
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
