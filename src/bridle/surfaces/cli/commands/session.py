"""`bridle session`: opens the door for an agent that runs elsewhere, and closes it."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Given, Store, print_json, put, say

if TYPE_CHECKING:
    from bridle.operating.session import TaskRequest

session_app = typer.Typer(
    help="Sessions: one agent that runs elsewhere, for one purpose, with a token of its own.",
    no_args_is_help=True,
)
LARGEST_REQUEST = 100_000
LONGEST_LINE = 200
EXPORTED = {"BRIDLE_URL": "url", "BRIDLE_TOKEN": "token", "BRIDLE_SESSION": "session"}
Id = Annotated[str, typer.Argument(help="The session's id.", metavar="SESSION")]


def register(app: typer.Typer) -> None:
    app.add_typer(session_app, name="session")


@session_app.command(
    name="open",
    epilog="Example: bridle session open --agent acme.refunds@1.0.0 --purpose refund --request-file request.md "
    "-i order_id=A-1001 --json",
)
def session_open(
    agent: Annotated[str, typer.Option(help="The agent: publisher.name@1.0.0.", metavar="AGENT")],
    purpose: Annotated[str, typer.Option(help="What the session is for; the agent's own purpose.")],
    request_file: Annotated[
        Path | None,
        typer.Option(
            "--request-file",
            help="The person's request, as text. What it says is a trusted origin.",
            metavar="FILE",
        ),
    ] = None,
    inputs: Given = None,
    case: Annotated[str, typer.Option(help="The case that the work belongs to.")] = "",
    expires: Annotated[str, typer.Option(help="How long the session lasts: 90m, 8h, 2d.")] = "8h",
    export: Annotated[
        bool,
        typer.Option(
            "--export", help="Print BRIDLE_URL, BRIDLE_TOKEN and BRIDLE_SESSION for a shell to eval."
        ),
    ] = False,
    door: Annotated[
        str,
        typer.Option(
            help="The address of the door, where several processes serve this store.", metavar="URL"
        ),
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Open a session: print its id, the address of the door and the token, which is shown once and kept nowhere."""
    from bridle.core.settings import load_settings

    settings = load_settings(store_url=store)
    url = choose_door(settings.data_dir, door)
    document = asyncio.run(_open(settings, agent, purpose, _read(request_file, inputs), case, expires))
    document["url"] = url or None
    if document["url"] is None:
        say("Nobody serves the door yet: bridle dev")
    if as_json:
        print_json(document)
        return 0
    if export:
        for variable, name in EXPORTED.items():
            put(f"export {variable}={shlex.quote(document[name] or '')}")
        return 0
    for name in ("session", "url", "token", "expires_at"):
        put(f"{name:<12} {document[name] or '-'}")
    put(f"{'tools':<12} {', '.join(document['tools'])}")
    put(f"End it with: bridle session close {document['session']}")
    return 0


@session_app.command(name="close", epilog="Example: bridle session close ses_01jd3k… --json")
def session_close(session: Id, store: Store = "", as_json: AsJson = False) -> int:
    """Close a session: its token is deleted, and what is still asked for in it can no longer be done."""
    from bridle.core.settings import load_settings

    closed = asyncio.run(_close(load_settings(store_url=store), session))
    if as_json:
        print_json(closed)
    else:
        put(f"{closed['id']} is closed")
    return 0


@session_app.command(name="list", epilog="Example: bridle session list --json")
def session_list(store: Store = "", as_json: AsJson = False) -> int:
    """List the sessions that are open."""
    from bridle.core.settings import load_settings
    from bridle.operating.session import SessionState
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        found = [item.to_json() for item in asyncio.run(opened.sessions.find(state=SessionState.OPEN))]
    if as_json:
        print_json(found)
        return 0
    for item in found:
        put(
            f"{item['id']}  {item['agent']}  {item['purpose']}  by {item['initiator']}  until {item['expires_at']}"
        )
    if not found:
        put("No session is open.")
    return 0


@session_app.command(name="show", epilog="Example: bridle session show ses_01jd3k… --json")
def session_show(session: Id, store: Store = "", as_json: AsJson = False) -> int:
    """Show what was called in a session: what was decided of each call, by which rule, and what became of it."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        document = asyncio.run(_describe(opened, session))
    if as_json:
        print_json(document)
        return 0
    about = document["session"]
    put(f"{about['id']}  {about['agent']}  {about['purpose']}  by {about['initiator']}  {about['state']}")
    for call in document["calls"]:
        arguments = json.dumps(call["arguments"], sort_keys=True)[:LONGEST_LINE]
        put(f"  {call['at'][:19]}  {call['outcome'] or call['decision']:<10} {call['tool']} {arguments}")
        put(f"  {'':<19}  {call['rule']}")
    return 0


def choose_door(data_dir: Path, wanted: str) -> str:
    """Return the address to tell; raise InputError before anything is opened when it is not clear which, or is none."""
    from bridle.core.errors import InputError
    from bridle.surfaces.http import find_doors

    doors = find_doors(data_dir)
    if wanted and wanted not in doors:
        raise InputError(
            f"nobody serves {wanted}", hint=f"doors: {', '.join(doors) or 'none'}", reason="no-door"
        )
    if not wanted and len(doors) > 1:
        raise InputError(
            f"{len(doors)} doors are open: {', '.join(doors)}",
            hint="name one: --door URL",
            reason="which-door",
        )
    return wanted or (doors[0] if doors else "")


async def _describe(opened: Any, session: str) -> dict[str, Any]:
    from bridle.core.errors import InputError
    from bridle.trust.journal import Kind

    found = await opened.sessions.get(session)
    if found is None:
        raise InputError(f"there is no session {session!r}", hint="bridle session list", reason="no-session")
    records = await opened.journal.read(execution=session, kinds=(Kind.DECIDED, Kind.OUTCOME))
    ended = {record.subject: record.body["status"] for record in records if record.kind is Kind.OUTCOME}
    decided = [record for record in records if record.kind is Kind.DECIDED]
    calls = [
        {
            "at": record.at,
            "tool": record.body["request"]["tool"],
            "arguments": record.body["request"]["arguments"],
            "decision": record.body["effect"],
            "rule": record.body["rules"][0]["rule"],
            "outcome": ended.get(record.subject, "") if record.body["effect"] == "allow" else "",
        }
        for record in decided
    ]
    return {"session": found.to_json(), "calls": calls}


def _read(request_file: Path | None, inputs: list[str] | None) -> TaskRequest:
    from bridle.core.errors import InputError
    from bridle.operating.session import TaskRequest
    from bridle.surfaces.cli.inputs import read_pairs

    text = ""
    if request_file is not None:
        try:
            with request_file.open("rb") as file:
                text = file.read(LARGEST_REQUEST + 1).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("the request cannot be read as text", where=str(request_file)) from error
    if len(text) > LARGEST_REQUEST:
        raise InputError(f"a request has at most {LARGEST_REQUEST} characters", where=str(request_file))
    return TaskRequest(text, read_pairs(inputs or []))


async def _open(
    settings: Any, agent: str, purpose: str, request: TaskRequest, case: str, expires: str
) -> dict[str, Any]:
    from bridle.app import build_reception, open_counter
    from bridle.engine.retention import parse_age
    from bridle.operating.reception import Wanted

    ttl = parse_age(expires, where="--expires")
    async with open_counter(settings) as counter:
        opened = await build_reception(counter.store).open(
            Wanted(agent, counter.user.id, purpose, request, case, ttl)
        )
    described = opened.session.to_json()
    return {"session": described.pop("id"), "token": opened.secret, **described, "tools": list(opened.tools)}


async def _close(settings: Any, session: str) -> dict[str, Any]:
    from bridle.app import build_reception, open_counter

    async with open_counter(settings) as counter:
        return (await build_reception(counter.store).close(session, by=counter.user.id)).to_json()
