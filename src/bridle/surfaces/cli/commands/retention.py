"""`bridle retention`: remove the history of what ended long ago, and nothing that proves what was done."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put, say

OlderThan = Annotated[
    str,
    typer.Option("--older-than", help="How long ago it has to have ended: 30d, 12h.", metavar="AGE"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")]


def register(app: typer.Typer) -> None:
    app.command(name="retention", epilog="Example: bridle retention --older-than 30d --dry-run")(retention)


def retention(
    older_than: OlderThan, dry_run: DryRun = False, store: Store = "", as_json: AsJson = False
) -> int:
    """Remove raw values, what approvers were shown and engine rows of ended executions, ended sessions and closed cases.

    The journal, its checkpoints, the executions and evidence stay: audit, logs and evidence verify answer as before. The removal
    is a record itself.
    """
    from bridle.core.settings import load_settings
    from bridle.engine.retention import parse_age
    from bridle.surfaces.cli.reading import check_store

    age = parse_age(older_than, where="--older-than")
    settings = load_settings(store_url=store)
    check_store(settings)
    found = asyncio.run(_find(settings, age) if dry_run else _remove(settings, age))
    _tell(found, dry_run=dry_run, as_json=as_json)
    return 0


def _tell(found: list[str], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"executions": found, "removed": not dry_run})
        return
    for execution in found:
        put(execution)
    say(f"{len(found)} {'would be' if dry_run else 'were'} removed; their records stay")


async def _find(settings: Any, age: timedelta) -> list[str]:
    from bridle.app import open_store
    from bridle.core.clock import SystemClock
    from bridle.engine.retention import find_removable

    with open_store(settings) as store:
        return await find_removable(store.history, older_than=age, clock=SystemClock())


async def _remove(settings: Any, age: timedelta) -> list[str]:
    from bridle.app import open_app

    async with open_app(settings) as app:
        return await app.retention.remove(older_than=age, by=app.user.id)
