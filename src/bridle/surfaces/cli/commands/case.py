"""`bridle case`: durable state of business processes, which people, systems and agents share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Policies, Store, print_json, put, say

if TYPE_CHECKING:
    from bridle.core.settings import Settings
    from bridle.operating.cases.casework import Wanted

case_app = typer.Typer(
    help="Cases: durable state of a business process, tied to a business object.", no_args_is_help=True
)
WAITS = 6
Id = Annotated[str, typer.Argument(help="The case's id.", metavar="CASE")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is part of the case.", metavar="TEXT")]


def register(app: typer.Typer) -> None:
    app.add_typer(case_app, name="case")


@case_app.command(name="types", epilog="Example: bridle case types --json")
def case_types(as_json: AsJson = False) -> int:
    """List the types of cases that can be opened here: Bridle's own, this project's, then the samples.

    Exit code 2 when a file declares none: it is named, the others are listed.
    """
    from bridle.app import case_roots
    from bridle.core.errors import InputError
    from bridle.operating.cases.shelf import survey

    types, faults = survey(case_roots())
    if as_json:
        known = [{**one.to_json(), "digest": one.digest, "file": str(path)} for path, one in types.items()]
        print_json(
            [*known, *({"file": str(path), "fault": one.to_problem()} for path, one in faults.items())]
        )
    else:
        for path, one in types.items():
            put(f"{one.name}@{one.version}  {one.owner}  {' '.join(one.states)}  ({path})")
        for fault in faults.values():
            say(f"bridle: {fault}")
    return InputError.exit_code if faults else 0


@case_app.command(
    name="open", epilog="Example: bridle case open dispute TX-8812 --reason 'the customer rang' --json"
)
def case_open(
    type_name: Annotated[str, typer.Argument(help="The type: see bridle case types.", metavar="TYPE")],
    object_id: Annotated[str, typer.Argument(help="The business object's own id.", metavar="OBJECT")],
    reason: Reason = "",
    case: Annotated[
        str, typer.Option("--case", help="The id that an approval was asked for.", metavar="CASE")
    ] = "",
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Open a case for a business object, in its type's initial state."""
    from bridle.core.ids import new_id

    wish = {"case": case or new_id("cas"), "type": type_name, "object": object_id, "reason": reason}
    return _perform("case.open", wish, store, policies, as_json=as_json)


@case_app.command(name="move", epilog="Example: bridle case move cas_01jd3k… review --reason 'all is there'")
def case_move(
    case: Id,
    state: Annotated[str, typer.Argument(help="The state to move it to.", metavar="STATE")],
    reason: Reason,
    source: Annotated[str, typer.Option("--from", help="Refuse unless it is in this state.")] = "",
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Move a case to another state. Where its type wants an approval, repeat the command once it was given."""
    wish = {"case": case, "to": state, "from": source, "reason": reason}
    return _perform("case.move", wish, store, policies, as_json=as_json)


@case_app.command(
    name="decide", epilog="Example: bridle case decide cas_01jd3k… sanctions clear --reason 'list of 1 March'"
)
def case_decide(
    case: Id,
    decision: Annotated[str, typer.Argument(help="A decision that the type declares.", metavar="DECISION")],
    value: Annotated[str, typer.Argument(help="What was decided.", metavar="VALUE")],
    reason: Reason,
    replaces: Annotated[str, typer.Option("--replaces", help="What was decided before, to change it.")] = "",
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Record what was decided in a case."""
    wish = {"case": case, "decision": decision, "value": value, "replaces": replaces, "reason": reason}
    return _perform("case.decide", wish, store, policies, as_json=as_json)


@case_app.command(name="hold", epilog="Example: bridle case hold cas_01jd3k… --reason 'counsel looks at it'")
def case_hold(
    case: Id, reason: Reason, store: Store = "", policies: Policies = None, as_json: AsJson = False
) -> int:
    """Place a hold: until it is released the case does not move, and what lasts asks a person."""
    return _perform("case.hold", {"case": case, "reason": reason}, store, policies, as_json=as_json)


@case_app.command(
    name="release", epilog="Example: bridle case release cas_01jd3k… hld_01jd3m… --reason 'counsel agrees'"
)
def case_release(
    case: Id,
    hold: Annotated[str, typer.Argument(help="The hold's id: see bridle case show.", metavar="HOLD")],
    reason: Reason,
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Release a hold."""
    wish = {"case": case, "hold": hold, "reason": reason}
    return _perform("case.release", wish, store, policies, as_json=as_json)


@case_app.command(
    name="note", epilog="Example: bridle case note cas_01jd3k… 'asks for a call back' --said-by customer"
)
def case_note(
    case: Id,
    text: Annotated[str, typer.Argument(help="What to write into the case.", metavar="TEXT")],
    said_by: Annotated[
        str, typer.Option("--said-by", help="Who said it, when it is part of the conversation.")
    ] = "",
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Write into a case, for whoever works on it."""
    return _perform(
        "case.note", {"case": case, "text": text, "said_by": said_by}, store, policies, as_json=as_json
    )


@case_app.command(
    name="exception",
    epilog="Example: bridle case exception cas_01jd3k… fraud --reason 'two cards, one device'",
)
def case_exception(
    case: Id,
    kind: Annotated[
        str, typer.Argument(help="A word for it; `parked` says that work is parked.", metavar="KIND")
    ],
    reason: Reason,
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Raise an exception: while it is open, what lasts asks a person."""
    wish = {"case": case, "kind": kind, "reason": reason}
    return _perform("case.exception", wish, store, policies, as_json=as_json)


@case_app.command(
    name="resolve", epilog="Example: bridle case resolve cas_01jd3k… exc_01jd3m… --reason 'it was the holder'"
)
def case_resolve(
    case: Id,
    exception: Annotated[str, typer.Argument(help="Its id: see bridle case show.", metavar="EXCEPTION")],
    reason: Reason,
    store: Store = "",
    policies: Policies = None,
    as_json: AsJson = False,
) -> int:
    """Resolve an exception, and say how."""
    wish = {"case": case, "exception": exception, "reason": reason}
    return _perform("case.resolve", wish, store, policies, as_json=as_json)


@case_app.command(name="list", epilog="Example: bridle case list --due --json")
def case_list(
    type_name: Annotated[str, typer.Option("--type", help="Of this type alone.")] = "",
    object_id: Annotated[str, typer.Option("--object", help="For this business object alone.")] = "",
    due: Annotated[bool, typer.Option("--due", help="What is overdue, the longest first.")] = False,
    parked: Annotated[bool, typer.Option("--parked", help="Where work is parked, with its reason.")] = False,
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """List cases that are open: where each stands, and what holds it."""
    from bridle.core.settings import load_settings
    from bridle.operating.cases.casework import Wanted
    from bridle.surfaces.cli.case_list import find_cases, show_line
    from bridle.surfaces.cli.reading import open_existing_store

    wanted = Wanted(type_name, object_id, due=due, parked=parked, ended=ended)
    with open_existing_store(load_settings(store_url=store)) as opened:
        found = asyncio.run(find_cases(opened, wanted))
    if as_json:
        print_json(found)
        return 0
    for item in found:
        show_line(item)
    if not found:
        put(_say_none(wanted))
    return 0


@case_app.command(name="show", epilog="Example: bridle case show cas_01jd3k… --json")
def case_show(case: Id, store: Store = "", as_json: AsJson = False) -> int:
    """Show a case whole: its state, what may be done, what holds it, decisions, what waits, conversation and history."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.case_list import describe_case, show_case
    from bridle.surfaces.cli.reading import open_existing_store

    with open_existing_store(load_settings(store_url=store)) as opened:
        document = asyncio.run(describe_case(opened, case))
    if as_json:
        print_json(document)
    else:
        show_case(document)
    return 0


def _say_none(wanted: Wanted) -> str:
    kind = f" of the type {wanted.type}" if wanted.type else ""
    about = f" for {wanted.object}" if wanted.object else ""
    state = "overdue" if wanted.due else "parked" if wanted.parked else "there" if wanted.ended else "open"
    return f"No case{kind}{about} is {state}."


def _perform(tool: str, wish: Mapping[str, str], store: str, policies: Any, *, as_json: bool) -> int:
    """Perform one tool as the operating system's user, and say what came of it; what was left empty is left out."""
    from bridle.core.errors import ExecutionError
    from bridle.core.settings import load_settings
    from bridle.operating.cases.desk import describe_result, refuse

    arguments = {name: value for name, value in wish.items() if value}
    told = describe_result(
        asyncio.run(_act(load_settings(store_url=store, policies=policies or ()), tool, arguments))
    )
    is_new = tool == "case.open"
    if told["status"] == "denied" and is_new:
        hint = f"bridle case types; bridle case list --object {wish['object']}"
        raise refuse(told, where=f"{wish['type']} {wish['object']}", hint=hint)
    if told["status"] == "denied":
        raise refuse(told, where=wish["case"], hint=f"bridle case show {wish['case']}")
    if told["status"] == "unknown":
        raise ExecutionError(told["reason"], where=wish["case"], hint=f"bridle case show {wish['case']}")
    if as_json:
        print_json(told)
    elif told["status"] == "waiting":
        again = f" with --case {wish['case']}" if is_new else ""
        put(f"{tool} of {wish['case']} waits for {told['approval']}")
        say(f"next: bridle approve {told['approval']}, then repeat this command{again}")
    else:
        case = told["case"]
        put(f"{case['id']}  {case['type']} {case['object']}  {case['state']}  revision {case['revision']}")
    return WAITS if told["status"] == "waiting" else 0


async def _act(settings: Settings, tool: str, arguments: Mapping[str, str]) -> Any:
    from bridle.app import case_roots, open_app
    from bridle.core.errors import InputError
    from bridle.operating.cases.shelf import load_case_type

    if tool == "case.open":
        load_case_type(str(arguments["type"]), roots=case_roots())  # says what is wrong with its file
    async with open_app(settings) as app:
        if tool != "case.open" and await app.casework.book.get(str(arguments["case"])) is None:
            hint = "bridle case list shows those that are open"
            raise InputError(f"there is no case {arguments['case'][:80]!r}", hint=hint, reason="no-case")
        return await app.casework.desk.perform(tool, arguments, by=app.user.id)
