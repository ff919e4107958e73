"""`bridle digest`: what waits that need not interrupt anybody, and what ran without a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bridle.surfaces.cli.command import Answer, command, existing_store, root

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.operating.digest import Digest


@command(root, "digest", "bridle digest --json", opens=existing_store)
async def digest(store: Store) -> Answer:
    """Show the requests of medium risk that wait, each in full, and the calls of low risk that ran.

    Each is answered for itself: bridle approve ID, bridle deny ID. BRIDLE_DIGEST says how often one is due.
    """
    from bridle.app import build_digests
    from bridle.operating.digest import describe_digest
    from bridle.surfaces.cli.show_waiting import describe_waiting

    found = await build_digests(store).gather()
    shown = describe_digest(found, show=lambda item: {**describe_waiting(item), "shown": dict(item.shown)})
    return Answer(shown, _tell(found))


def _tell(found: Digest) -> Iterator[str]:
    from bridle.surfaces.cli.show import show_approval

    for item in found.waiting:
        yield from show_approval(item).splitlines()
    advice = ": bridle approve ID, bridle deny ID" if found.waiting else "."
    yield f"{len(found.waiting)} wait for a verdict{advice}"
    yield f"{len(found.ran)} ran without a person since {found.since:%Y-%m-%d %H:%M} UTC"
    for ran in found.ran:
        arguments = json.dumps(ran.arguments, sort_keys=True, default=dict)
        yield f"  {ran.at}  {ran.session}  {ran.tool} {arguments}"


def describe_event(found: Any) -> dict[str, str]:
    """Return a digest as the event that a server prints."""
    return {"waiting": " ".join(item.id for item in found.waiting), "ran": str(len(found.ran))}
