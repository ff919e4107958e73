"""`bridle approvals delegate` names who answers in a person's place; `undelegate` ends that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.commands.verdicts import approvals_app
from bridle.surfaces.cli.options import As, AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.trust.deputies import Deputy


def register(app: typer.Typer) -> None:
    del app  # it stands under `bridle approvals`


@approvals_app.command(
    name="delegate",
    epilog="Example: bridle approvals delegate --as ana --to ben --for 'tool=mcp.shop.*' --until 7d --reason 'on holiday'",
)
def delegate(
    to: Annotated[str, typer.Option("--to", help="Who answers in your place; a person with a key.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--for",
            help="What they answer: tool, agent, project, pipeline, purpose, principal or environment; all have to match.",
            metavar="KEY=PATTERN",
        ),
    ],
    until: Annotated[str, typer.Option(help="How long: 8h, 7d; at most 90d.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    name: As = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Name who answers requests in your place, with your say, for a scope and a time. You sign it with your own key."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.inputs import read_pairs
    from bridle.surfaces.cli.show_waiting import describe_deputy, show_deputy

    named = asyncio.run(_delegate(load_settings(store_url=store), to, read_pairs(scope), until, reason, name))
    if as_json:
        print_json(describe_deputy(named))
    else:
        put(show_deputy(named))
    return 0


@approvals_app.command(name="undelegate", epilog="Example: bridle approvals undelegate dep_01jd3k… --as ana")
def undelegate(
    delegation: Annotated[str, typer.Argument(help="The delegation's id.", metavar="ID")],
    name: As = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """End a delegation now, as who gave it or as one who manages principals. Words that were given under it stand."""
    from bridle.core.settings import load_settings

    asyncio.run(_undelegate(load_settings(store_url=store), delegation, name))
    if as_json:
        print_json({"id": delegation, "ended": True})
    else:
        put(f"{delegation} counts no more")
    return 0


async def _delegate(
    settings: Settings, to: str, scope: dict[str, str], until: str, reason: str, name: str
) -> Deputy:
    from bridle.app import open_counter
    from bridle.engine.retention import parse_age

    lasts = parse_age(until, where="--until")
    async with open_counter(settings) as counter:
        by = counter.author(name)
        return await counter.store.deputies.name(to, scope, lasts=lasts, reason=reason, by=by)


async def _undelegate(settings: Settings, delegation: str, name: str) -> None:
    from bridle.app import open_counter

    async with open_counter(settings) as counter:
        await counter.store.deputies.dismiss(delegation, by=counter.author(name))
