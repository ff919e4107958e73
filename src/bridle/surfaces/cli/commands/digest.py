"""`bridle digest`: what waits that need not interrupt anybody, and what ran without a person."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.operating.digest import Digest


def register(app: typer.Typer) -> None:
    app.command(name="digest", epilog="Example: bridle digest --json")(digest)


def digest(store: Store = "", as_json: AsJson = False) -> int:
    """Show the requests of medium risk that wait, each in full, and the calls of low risk that ran.

    Each is answered for itself: bridle approve ID, bridle deny ID. BRIDLE_DIGEST says how often one is due.
    """
    from bridle.core.settings import load_settings
    from bridle.operating.digest import describe_digest
    from bridle.surfaces.cli.show import show_approval
    from bridle.surfaces.cli.show_waiting import describe_waiting

    found = asyncio.run(_gather(load_settings(store_url=store)))
    if as_json:
        print_json(
            describe_digest(found, show=lambda item: {**describe_waiting(item), "shown": dict(item.shown)})
        )
        return 0
    for item in found.waiting:
        put(show_approval(item))
    put(
        f"{len(found.waiting)} wait for a verdict"
        + (": bridle approve ID, bridle deny ID" if found.waiting else ".")
    )
    put(f"{len(found.ran)} ran without a person since {found.since:%Y-%m-%d %H:%M} UTC")
    for ran in found.ran:
        put(
            f"  {ran.at}  {ran.session}  {ran.tool} {json.dumps(ran.arguments, sort_keys=True, default=dict)}"
        )
    return 0


async def _gather(settings: Settings) -> Digest:
    from bridle.app import build_digests
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(settings) as opened:
        return await build_digests(opened).gather()


def describe_event(found: Any) -> dict[str, str]:
    """Return a digest as the event that a server prints."""
    return {"waiting": " ".join(item.id for item in found.waiting), "ran": str(len(found.ran))}
