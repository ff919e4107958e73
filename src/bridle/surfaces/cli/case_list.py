"""Reads cases from a store for commands that only look, and tells them in lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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


def tell_line(item: dict[str, Any]) -> Iterator[str]:
    """Tell one case in a line, and below it what holds it."""
    due = f"  {'overdue since' if item['overdue'] else 'due'} {item['due_at'][:16]}" if item["due_at"] else ""
    yield f"{item['id']}  {item['type']} {item['object']}  {item['state']}{due}"
    for mark in (*item["holds"], *item["exceptions"]):
        yield f"  {mark['id']}  {mark['kind']}: {mark['reason']}  ({mark['by']})"


def tell_case(document: dict[str, Any]) -> Iterator[str]:
    """Tell a case whole."""
    yield from tell_line(document)
    may = document["may"]
    covered = ", ".join([*may["tools"], *(f"what is {effect}" for effect in may["effects"])]) or "nothing"
    yield f"  covers {covered} for {', '.join(may['purposes']) or 'no purpose'}; else {may['otherwise']}"
    for name, taken in document["decisions"].items():
        yield f"  decided {name}: {taken['value']}  ({taken['by']}: {taken['reason']})"
    for way in document["next"]:
        wanted = "".join(f", {name} {value}" for name, value in way["if"].items())
        approval = ", approved" if way["approval"] else ""
        yield f"  next {way['to']}  by {' or '.join(way['by'])}{wanted}{approval}"
    for waiting in document["pending"]:
        yield f"  waits {waiting['id']}  {waiting['tool']}  {waiting['state']}"
    for line in document["conversation"]:
        said = f"{line['said_by']}, as {line['noted_by']} has it: {line['text'][:LONGEST_LINE]}"
        yield f"  {line['at'][:19]}  {said}"
    for event in document["history"]:
        said = json.dumps(event["said"], sort_keys=True)[:LONGEST_LINE]
        yield f"  {event['at'][:19]}  {event['what']} by {event['by']}  {event['state']}  {said}"
