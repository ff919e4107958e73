"""`bridle erase`: destroy what an execution or a session holds of people; the journal stays provable."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Comment, Store, print_json, put, say


def register(app: typer.Typer) -> None:
    app.command(name="erase", epilog="Example: bridle erase exe_01jd3k… --rule 'GDPR Art. 17, ticket 4711'")(
        erase
    )


def erase(
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
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Destroy raw values, their key and salt, inputs and what approvers were shown, by a rule, as a record of its own.

    The journal keeps its redacted text: audit and evidence verify as before, and explain says what was erased, by whom and why.
    Workspaces, and copies that were exported, are not touched. Who may: history:erase.
    """
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import check_store

    if bool(stream) == bool(mentioning):
        raise InputError(
            "say what to erase", hint="bridle erase ID --rule WHY, or --mentioning TEXT", reason="usage"
        )
    settings = load_settings(store_url=store)
    check_store(settings)
    if mentioning:
        found = asyncio.run(_mentioning(settings, mentioning))
    else:
        found = asyncio.run(_erase(settings, stream, rule=rule, comment=comment))
    if as_json:
        print_json({"streams": found, "erased": not mentioning})
        return 0
    for one in found:
        put(one)
    say(f"{len(found)} {'mention it' if mentioning else 'were erased; their records stay'}")
    return 0


async def _mentioning(settings: Any, text: str) -> list[str]:
    from bridle.app import open_store

    with open_store(settings) as store:
        return await store.history.mentioning(text)


async def _erase(settings: Any, stream: str, *, rule: str, comment: str) -> list[str]:
    from bridle.app import open_app
    from bridle.operating.erasure import Request

    async with open_app(settings) as app:
        return await app.erasure.erase(stream, Request(app.user.id, rule, comment))
