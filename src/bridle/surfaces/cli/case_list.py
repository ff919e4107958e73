"""Reads cases from a store for commands that only look, and prints them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridle.surfaces.cli.options import put_line

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.operating.cases.casework import Wanted

LONGEST_LINE = 200


async def find_cases(opened: Store, wanted: Wanted) -> list[dict[str, Any]]:
    """Return what each of these cases says of itself."""
    from bridle.app import build_book
    from bridle.operating.cases.casework import list_cases

    return [
        dict(one) for one in await list_cases(opened.cases, build_book(opened), wanted, now=datetime.now(UTC))
    ]


async def describe_case(opened: Store, case: str) -> dict[str, Any]:
    """Return a case whole; raise InputError when there is none."""
    from bridle.app import build_book, build_teller
    from bridle.core.errors import InputError

    found = await build_book(opened).get(case)
    if found is None:
        raise InputError(f"there is no case {case[:80]!r}", hint="bridle case list", reason="no-case")
    return dict(await build_teller(opened).tell(*found))


def show_line(item: dict[str, Any]) -> None:
    """Print one case as a line, and below it what holds it."""
    due = f"  {'overdue since' if item['overdue'] else 'due'} {item['due_at'][:16]}" if item["due_at"] else ""
    put_line(f"{item['id']}  {item['type']} {item['object']}  {item['state']}{due}")
    for mark in (*item["holds"], *item["exceptions"]):
        put_line(f"  {mark['id']}  {mark['kind']}: {mark['reason']}  ({mark['by']})")


def show_case(document: dict[str, Any]) -> None:
    """Print a case whole."""
    show_line(document)
    may = document["may"]
    covered = ", ".join([*may["tools"], *(f"what is {effect}" for effect in may["effects"])]) or "nothing"
    put_line(f"  covers {covered} for {', '.join(may['purposes']) or 'no purpose'}; else {may['otherwise']}")
    for name, taken in document["decisions"].items():
        put_line(f"  decided {name}: {taken['value']}  ({taken['by']}: {taken['reason']})")
    for way in document["next"]:
        wanted = "".join(f", {name} {value}" for name, value in way["if"].items())
        approval = ", approved" if way["approval"] else ""
        put_line(f"  next {way['to']}  by {' or '.join(way['by'])}{wanted}{approval}")
    for waiting in document["pending"]:
        put_line(f"  waits {waiting['id']}  {waiting['tool']}  {waiting['state']}")
    for line in document["conversation"]:
        put_line(
            f"  {line['at'][:19]}  {line['said_by']}, as {line['noted_by']} has it: {line['text'][:LONGEST_LINE]}"
        )
    for event in document["history"]:
        said = json.dumps(event["said"], sort_keys=True)[:LONGEST_LINE]
        put_line(f"  {event['at'][:19]}  {event['what']} by {event['by']}  {event['state']}  {said}")
