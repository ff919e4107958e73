"""`bridle approvals delegate` names who answers in a person's place; `undelegate` ends that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import Answer, command, counter
from bridle.surfaces.cli.commands.verdicts import approvals_app
from bridle.surfaces.cli.options import As

if TYPE_CHECKING:
    from bridle.app.counter import Counter


@command(
    approvals_app,
    "delegate",
    "bridle approvals delegate --as ana --to ben --for 'tool=mcp.shop.*' --until 7d --reason 'on holiday'",
    opens=counter,
)
async def delegate(
    at: Counter,
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
) -> Answer:
    """Name who answers requests in your place, with your say, for a scope and a time. You sign it with your own key."""
    from bridle.engine.retention import parse_age
    from bridle.surfaces.cli.inputs import read_pairs
    from bridle.surfaces.cli.show_waiting import describe_deputy, show_deputy

    lasts = parse_age(until, where="--until")
    by = at.author(name)
    named = await at.store.deputies.name(to, read_pairs(scope), lasts=lasts, reason=reason, by=by)
    return Answer(describe_deputy(named), show_deputy(named))


@command(approvals_app, "undelegate", "bridle approvals undelegate dep_01jd3k… --as ana", opens=counter)
async def undelegate(
    at: Counter,
    delegation: Annotated[str, typer.Argument(help="The delegation's id.", metavar="ID")],
    name: As = "",
) -> Answer:
    """End a delegation now, as who gave it or as one who manages principals. Words that were given under it stand."""
    await at.store.deputies.dismiss(delegation, by=at.author(name))
    return Answer({"id": delegation, "ended": True}, f"{delegation} counts no more")
