"""`bridle executions` and `bridle logs`: what ran, and what happened in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, existing_store, root

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.engine.execution import Execution
    from bridle.engine.views import Summary
    from bridle.gate.approvals import Approval


@command(root, "executions", "bridle executions --json", opens=existing_store)
async def executions(
    store: Store,
    execution: Annotated[str, typer.Argument(help="One execution, in full; all of them if left out.")] = "",
) -> Answer:
    """List executions, newest first: with the approvals, and the steps to decide about, that they wait for; or show one."""
    return await _one(store, execution) if execution else await _all(store)


async def _one(store: Store, execution: str) -> Answer:
    from bridle.engine.summary import summarise

    found = await _get(store, execution)
    summary = summarise(found, await store.journal.read(execution=found.id))
    return Answer(summary.to_json(), _tell_one(summary, await _open(store, found.id)))


def _tell_one(summary: Summary, asked: Sequence[Approval]) -> Iterator[str]:
    from bridle.core.states import State
    from bridle.surfaces.cli.show import show_approval, show_next, show_summary

    now = datetime.now(UTC)
    yield from show_summary(summary, now=now).splitlines()
    for approval in asked:
        yield from show_approval(approval).splitlines()
    if summary.state is State.WAITING and (advice := show_next(summary, now=now)):
        yield from ("", *advice.splitlines())


async def _all(store: Store) -> Answer:
    from bridle.core.clock import iso
    from bridle.core.states import State
    from bridle.engine.admission import Limits
    from bridle.engine.durable import LEASE_S
    from bridle.engine.interventions import find_open_interventions

    rows: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    left_behind = await store.line.left_behind(Limits(LEASE_S))
    for item in await store.executions.find():
        approvals = [] if item.state.ended else await _open(store, item.id)
        waiting = {approval.id: iso(approval.expires_at) for approval in approvals}
        for asked in await find_open_interventions(store.journal, item, now=now):
            waiting[asked.path] = iso(asked.expires_at)
        works = item.state is State.RUNNING or (item.state is State.WAITING and not waiting)
        rows.append(
            {
                "execution": item.id,
                "pipeline": item.pipeline,
                "state": str(item.state),
                "note": item.note,
                "started_at": iso(item.started_at),
                "waits_for": list(waiting),
                "waits_until": min(waiting.values(), default=""),
                "left_behind": works and item.id in left_behind,
            }
        )
    return Answer(rows, map(_tell_row, rows))


def _tell_row(row: dict[str, Any]) -> str:
    until = f", until {row['waits_until'][:19]}Z" if row["waits_until"] else ""
    waits = f"  waits for {', '.join(row['waits_for'])}{until}" if row["waits_for"] else ""
    left = f"  nobody carries it: bridle resume {row['execution']}" if row["left_behind"] else ""
    why = f"  {' '.join(row['note'].split())}" if row["note"] else ""
    about = f"{row['started_at'][:19]}  {row['pipeline']:<16} {row['state']}{why}{waits}{left}"
    return f"{row['execution']}  {about}"


async def _open(store: Store, execution: str) -> list[Approval]:
    from bridle.engine.control import find_open

    return await find_open(store.approvals, now=datetime.now(UTC), execution=execution)


async def _get(store: Store, execution: str) -> Execution:
    from bridle.core.errors import InputError

    found = await store.executions.get(execution)
    if found is None:
        raise InputError(f"there is no execution {execution!r}", hint="bridle executions lists them")
    return found


@command(root, "logs", "bridle logs exe_01jd3k… --step repair/fix", opens=existing_store)
async def logs(
    store: Store,
    execution: Annotated[str, typer.Argument(help="The execution's id.")],
    step: Annotated[str, typer.Option(help="Only this step, as stage/step.", metavar="PATH")] = "",
) -> Answer:
    """Tell an execution step by step: what each did and printed, what was refused by which rule, and how it ended."""
    from bridle.surfaces.cli.logs import select, tell

    found = await _get(store, execution)
    records = select(await store.journal.read(execution=found.id), step=step)
    lines = (line for told in tell(records) for line in told.split("\n"))
    return Answer([json.loads(record.data) for record in records], lines)
