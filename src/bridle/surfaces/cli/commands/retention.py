"""`bridle retention`: remove the history of what ended long ago, and nothing that proves what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import Answer, command, existing_app, existing_store, root, settings_alone

if TYPE_CHECKING:
    from bridle.core.settings import Settings

OlderThan = Annotated[
    str,
    typer.Option("--older-than", help="How long ago it has to have ended: 30d, 12h.", metavar="AGE"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")]


@command(root, "retention", "bridle retention --older-than 30d --dry-run", opens=settings_alone)
async def retention(settings: Settings, older_than: OlderThan, dry_run: DryRun = False) -> Answer:
    """Remove what ended work needs no more: raw values, what approvers were shown, engine rows; of executions, sessions, cases.

    The journal, its checkpoints, the executions and evidence stay: audit, logs and evidence verify answer as before. The removal
    is a record itself.
    """
    from bridle.core.clock import SystemClock
    from bridle.engine.retention import find_removable, parse_age

    age = parse_age(older_than, where="--older-than")
    if dry_run:
        async with existing_store(settings) as store:
            found = await find_removable(store.history, older_than=age, clock=SystemClock())
    else:
        async with existing_app(settings) as app:
            found = await app.retention.remove(older_than=age, by=app.user.id)
    told = f"{len(found)} {'would be' if dry_run else 'were'} removed; their records stay"
    return Answer({"executions": found, "removed": not dry_run}, found, aside=told)
