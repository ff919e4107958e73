"""`bridle session`: opens the door for an agent that runs elsewhere, and closes it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, counter, existing_store, group, settings_alone
from bridle.surfaces.cli.options import Given, say

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.app.counter import Counter
    from bridle.core.settings import Settings
    from bridle.operating.session import TaskRequest

sessions = group(
    "session", tells="Sessions: one agent that runs elsewhere, for one purpose, with a token of its own."
)
looks = partial(command, sessions, opens=existing_store)
LARGEST_REQUEST = 100_000
LONGEST_LINE = 200
EXPORTED = {"BRIDLE_URL": "url", "BRIDLE_TOKEN": "token", "BRIDLE_SESSION": "session"}
Id = Annotated[str, typer.Argument(help="The session's id.", metavar="SESSION")]


@command(
    sessions,
    "open",
    "bridle session open --agent acme.refunds@1.0.0 --purpose refund --request-file request.md -i order_id=A-1001 --json",
    opens=settings_alone,
)
async def session_open(
    settings: Settings,
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
) -> Answer:
    """Open a session: print its id, the address of the door and the token, which is shown once and kept nowhere."""
    url = choose_door(settings.data_dir, door)
    request = _read(request_file, inputs)
    if doubt := _doubt(request):
        say(doubt)
    document = await _open(settings, agent, purpose, request, case, expires)
    document["url"] = url or None
    if not url:
        say("Nobody serves the door yet: bridle dev")  # to a program, too
    return Answer(document, _export(document) if export else _tell(document))


def _export(document: dict[str, Any]) -> Iterator[str]:
    for variable, name in EXPORTED.items():
        yield f"export {variable}={shlex.quote(document[name] or '')}"


def _tell(document: dict[str, Any]) -> Iterator[str]:
    for name in ("session", "url", "token", "expires_at"):
        yield f"{name:<12} {document[name] or '-'}"
    yield f"{'tools':<12} {', '.join(document['tools'])}"
    yield f"End it with: bridle session close {document['session']}"


@command(sessions, "close", "bridle session close ses_01jd3k… --json", opens=counter)
async def session_close(at: Counter, session: Id) -> Answer:
    """Close a session: its token is deleted, and what is still asked for in it can no longer be done."""
    from bridle.app import build_reception

    closed = await build_reception(at.store).close(session, by=at.user.id)
    return Answer(closed.to_json(), f"{closed.id} is closed")


@looks("list", "bridle session list --json")
async def session_list(store: Store) -> Answer:
    """List the sessions that are open."""
    from bridle.operating.session import SessionState

    found = [one.to_json() for one in await store.sessions.find(state=SessionState.OPEN)]
    lines = [
        f"{one['id']}  {one['agent']}  {one['purpose']}  by {one['initiator']}  until {one['expires_at']}"
        for one in found
    ]
    return Answer(found, lines or "No session is open.")


@looks("show", "bridle session show ses_01jd3k… --json")
async def session_show(store: Store, session: Id) -> Answer:
    """Show what was called in a session: what was decided of each call, by which rule, and what became of it."""
    document = await _describe(store, session)
    return Answer(document, _tell_calls(document))


def _tell_calls(document: dict[str, Any]) -> Iterator[str]:
    about = document["session"]
    yield f"{about['id']}  {about['agent']}  {about['purpose']}  by {about['initiator']}  {about['state']}"
    for call in document["calls"]:
        arguments = json.dumps(call["arguments"], sort_keys=True)[:LONGEST_LINE]
        yield f"  {call['at'][:19]}  {call['outcome'] or call['decision']:<10} {call['tool']} {arguments}"
        yield f"  {'':<19}  {call['rule']}"


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


async def _describe(store: Store, session: str) -> dict[str, Any]:
    from bridle.core.errors import InputError
    from bridle.trust.journal import Kind

    found = await store.sessions.get(session)
    if found is None:
        raise InputError(f"there is no session {session!r}", hint="bridle session list", reason="no-session")
    records = await store.journal.read(execution=session, kinds=(Kind.DECIDED, Kind.OUTCOME))
    ended = {record.subject: record.body["status"] for record in records if record.kind is Kind.OUTCOME}
    decided: list[Any] = [record for record in records if record.kind is Kind.DECIDED]
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
    from bridle.surfaces.cli.files import read_text
    from bridle.surfaces.cli.inputs import read_pairs

    text = ""
    if request_file is not None:
        text = read_text(request_file)
    if len(text) > LARGEST_REQUEST:
        what = f"a request has at most {LARGEST_REQUEST} characters"
        raise InputError(what, where=str(request_file), hint="say what is wanted, and give the rest with -i")
    if text.lstrip().startswith(("{", "[")):  # its marks would make a quotation of every value in it
        what, hint = (
            "the request is data, not a person's words",
            "write the words; give data with -i NAME=VALUE",
        )
        raise InputError(what, where=str(request_file), hint=hint, reason="request-is-data")
    return TaskRequest(text, read_pairs(inputs or []))


def _doubt(request: TaskRequest) -> str:
    """Return what to tell whoever asks in words that vouch for nothing; empty for others."""
    from bridle.gate.origins.language import is_english

    if is_english(request.text):
        return ""
    return "The request is not English, or not all of it: its words vouch for nothing, and calls ask. Inputs do: -i NAME=VALUE"


async def _open(
    settings: Settings, agent: str, purpose: str, request: TaskRequest, case: str, expires: str
) -> dict[str, Any]:
    from bridle.app import build_reception
    from bridle.engine.retention import parse_age
    from bridle.operating.reception import Wanted

    ttl = parse_age(expires, where="--expires")
    async with counter(settings) as at:
        opened = await build_reception(at.store).open(Wanted(agent, at.user.id, purpose, request, case, ttl))
    described = opened.session.to_json()
    return {"session": described.pop("id"), "token": opened.secret, **described, "tools": list(opened.tools)}
