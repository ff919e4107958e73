"""`bridle executions` and `bridle logs`: what ran, and what happened in it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.app import Store as OpenStore


def register(app: typer.Typer) -> None:
    app.command(name="executions", epilog="Example: bridle executions --json")(executions)
    app.command(name="logs", epilog="Example: bridle logs exe_01jd3k… --step repair/fix")(logs)


def executions(
    execution: Annotated[str, typer.Argument(help="One execution, in full; all of them if left out.")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """List executions, newest first, with the approvals, and the steps to decide about, that they wait for; or show one."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        return asyncio.run(_one(opened, execution, as_json) if execution else _all(opened, as_json))


async def _one(opened: OpenStore, execution: str, as_json: bool) -> int:
    from bridle.core.states import State
    from bridle.engine.summary import summarise
    from bridle.surfaces.cli.show import show_approval, show_next, show_summary

    found = await _get(opened, execution)
    summary = summarise(found, await opened.journal.read(execution=found.id))
    if as_json:
        print_json(summary.to_json())
        return 0
    put(show_summary(summary, now=datetime.now(UTC)))
    for approval in await _open(opened, found.id):
        put(show_approval(approval))
    if summary.state is State.WAITING and (advice := show_next(summary, now=datetime.now(UTC))):
        put(f"\n{advice}")
    return 0


async def _all(opened: OpenStore, as_json: bool) -> int:
    from bridle.core.clock import iso
    from bridle.core.states import State
    from bridle.engine.admission import Limits
    from bridle.engine.durable import LEASE_S
    from bridle.engine.interventions import find_open_interventions

    rows: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    left_behind = await opened.line.left_behind(Limits(LEASE_S))
    for item in await opened.executions.find():
        waiting = [] if item.state.ended else [approval.id for approval in await _open(opened, item.id)]
        waiting += [asked.path for asked in await find_open_interventions(opened.journal, item, now=now)]
        rows.append(
            {
                "execution": item.id,
                "pipeline": item.pipeline,
                "state": str(item.state),
                "note": item.note,
                "started_at": iso(item.started_at),
                "waits_for": waiting,
                "left_behind": item.state is State.RUNNING and item.id in left_behind,
            }
        )
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            waits = f"  waits for {', '.join(row['waits_for'])}" if row["waits_for"] else ""
            left = f"  nobody carries it: bridle resume {row['execution']}" if row["left_behind"] else ""
            why = f"  {' '.join(row['note'].split())}" if row["note"] else ""
            about = f"{row['started_at'][:19]}  {row['pipeline']:<16} {row['state']}{why}{waits}{left}"
            put(f"{row['execution']}  {about}")
    return 0


async def _open(opened: OpenStore, execution: str) -> list[Any]:
    from bridle.engine.control import find_open

    return await find_open(opened.approvals, now=datetime.now(UTC), execution=execution)


async def _get(opened: OpenStore, execution: str) -> Any:
    from bridle.core.errors import InputError

    found = await opened.executions.get(execution)
    if found is None:
        raise InputError(f"there is no execution {execution!r}", hint="bridle executions lists them")
    return found


def logs(
    execution: Annotated[str, typer.Argument(help="The execution's id.")],
    step: Annotated[str, typer.Option(help="Only this step, as stage/step.", metavar="PATH")] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Tell an execution step by step: what each did and printed, what was refused by which rule, and how it ended."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        asyncio.run(_logs(opened, execution, step, as_json))
    return 0


async def _logs(opened: OpenStore, execution: str, step: str, as_json: bool) -> None:
    from bridle.surfaces.cli.logs import select, tell

    found = await _get(opened, execution)
    records = select(await opened.journal.read(execution=found.id), step=step)
    if as_json:
        print_json([json.loads(record.data) for record in records])
        return
    for line in tell(records):
        put(line)
