"""`bridle limits`: how much the fleet may do, and how much of it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, counter, existing_store, root, settings_alone

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.core.settings import Settings

MOST_SHOWN = 5  # groups of a limit, for a person


@command(root, "limits", "bridle limits --json", opens=settings_alone)
async def limits(
    settings: Settings,
    close: Annotated[
        str, typer.Option("--close", help="Close this open breaker by hand.", metavar="ID")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it may be tried again.", metavar="TEXT")] = "",
) -> Answer:
    """Show the limits in force and how full they are: those of limits.yaml and what ships, for whom, and which breakers are open.

    --close lets what an open breaker holds up be tried again at once; who does needs the permission breaker:close.
    """
    if close:
        await _close(settings, close, reason)
        return Answer({"closed": close}, f"{close} is closed")
    async with existing_store(settings) as store:
        found, breakers, broken = await _read(store)
    lines = [line for limit in found for line in _tell(limit)]
    lines += [
        f"open  {one['id']}  {one['breaker']} {one['subject']}  "
        f"since {one['opened_at'][:19]}, until {one['until'][:19]}"
        for one in broken
    ]
    told = {"limits": found, "breakers": breakers, "open": broken}
    return Answer(told, lines if broken else [*lines, "No breaker is open."])


async def _close(settings: Settings, circuit: str, reason: str) -> None:
    from bridle.core.errors import InputError
    from bridle.gate.breakers import PERMISSION, STREAM, CloseCircuit
    from bridle.trust.access import require
    from bridle.trust.journal import Entry, GuardError, Kind

    async with counter(settings) as at:
        await require(at.store.principals, at.user.id, PERMISSION)
        entry = Entry(Kind.BREAKER_CLOSED, STREAM, circuit, {"by": at.user.id, "reason": reason})
        try:
            await at.store.journal.append([entry], [CloseCircuit(circuit)])
        except GuardError as error:
            raise InputError(
                f"no breaker {circuit} is open", hint="bridle limits", reason="not-open"
            ) from error


async def _read(store: Store) -> tuple[list[dict[str, Any]], list[Any], list[Any]]:
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


def _tell(limit: dict[str, Any]) -> Iterator[str]:
    what = ", ".join([*limit["tools"], *limit["effects"]])
    yield (
        f"{limit['limit']:<20} {limit['most']} {limit['counts']} in {limit['within_s']} s per {limit['per']}, "
        f"then {limit['then']}: {what}"
    )
    for one in limit["used"][:MOST_SHOWN]:
        yield f"  {one['used']:>10} of {limit['most']}  {one['group'] or limit['per']}"
    more = len(limit["used"]) - MOST_SHOWN
    if more > 0:
        yield f"  and {more} more: bridle limits --json"
