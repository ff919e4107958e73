"""`bridle erase`: destroy what an execution or a session holds of people; the journal stays provable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import Answer, command, existing_app, existing_store, root, settings_alone
from bridle.surfaces.cli.options import Comment

if TYPE_CHECKING:
    from bridle.core.settings import Settings


@command(root, "erase", "bridle erase exe_01jd3k… --rule 'GDPR Art. 17, ticket 4711'", opens=settings_alone)
async def erase(
    settings: Settings,
    stream: Annotated[
        str,
        typer.Argument(
            help="An execution, with those that belong to it, a session, or a closed case with its sessions.",
            metavar="ID",
        ),
    ] = "",
    rule: Annotated[str, typer.Option(help="The law or the ticket that asks for it; it is recorded.")] = "",
    mentioning: Annotated[
        str,
        typer.Option(
            help="Only list the executions, sessions and cases whose raw values or inputs hold this text.",
            metavar="TEXT",
        ),
    ] = "",
    comment: Comment = "",
) -> Answer:
    """Destroy raw values by a rule: with their key and salt, inputs and what approvers were shown; as a record of its own.

    The journal keeps its redacted text: audit and evidence verify as before, and explain says what was erased, by whom and why.
    Workspaces, and copies that were exported, are not touched. Who may: history:erase.
    """
    from bridle.core.errors import InputError
    from bridle.operating.erasure import Request

    if bool(stream) == bool(mentioning):
        raise InputError(
            "say what to erase", hint="bridle erase ID --rule WHY, or --mentioning TEXT", reason="usage"
        )
    if mentioning:
        async with existing_store(settings) as store:
            found = await store.history.mentioning(mentioning)
    else:
        async with existing_app(settings) as app:
            found = await app.erasure.erase(stream, Request(app.user.id, rule, comment))
    told = f"{len(found)} {'mention it' if mentioning else 'were erased; their records stay'}"
    return Answer({"streams": found, "erased": not mentioning}, found, aside=told)
