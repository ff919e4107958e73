"""`bridle case`: durable state of business processes, which people, systems and agents share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, existing_store, group, settings_alone

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.core.settings import Settings
    from bridle.operating.cases.casework import Wanted

cases = group("case", tells="Cases: durable state of a business process, tied to a business object.")
WAITS = 6
Id = Annotated[str, typer.Argument(help="The case's id.", metavar="CASE")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is part of the case.", metavar="TEXT")]
acts = partial(command, cases, opens=settings_alone, policies=True)
looks = partial(command, cases, opens=existing_store)


@command(cases, "types", "bridle case types --json")
def case_types() -> Answer:
    """List the types of cases that can be opened here: Bridle's own, this project's, then the samples.

    Exit code 2 when a file declares none: it is named, the others are listed.
    """
    from bridle.app import case_roots
    from bridle.core.errors import InputError
    from bridle.operating.cases.shelf import survey

    types, faults = survey(case_roots())
    known = [{**one.to_json(), "digest": one.digest, "file": str(path)} for path, one in types.items()]
    broken = [{"file": str(path), "fault": fault.to_problem()} for path, fault in faults.items()]
    return Answer(
        [*known, *broken],
        [
            f"{one.name}@{one.version}  {one.owner}  {' '.join(one.states)}  ({path})"
            for path, one in types.items()
        ],
        aside="\n".join(f"bridle: {fault}" for fault in faults.values()),
        code=InputError.exit_code if faults else 0,
    )


@acts("open", "bridle case open dispute TX-8812 --reason 'the customer rang' --json")
async def case_open(
    settings: Settings,
    type_name: Annotated[str, typer.Argument(help="The type: see bridle case types.", metavar="TYPE")],
    object_id: Annotated[str, typer.Argument(help="The business object's own id.", metavar="OBJECT")],
    reason: Reason = "",
    case: Annotated[
        str, typer.Option("--case", help="The id that an approval was asked for.", metavar="CASE")
    ] = "",
) -> Answer:
    """Open a case for a business object, in its type's initial state."""
    from bridle.core.ids import new_id

    wish = {"case": case or new_id("cas"), "type": type_name, "object": object_id, "reason": reason}
    return await _perform(settings, "case.open", wish)


@acts("move", "bridle case move cas_01jd3k… review --reason 'all is there'")
async def case_move(
    settings: Settings,
    case: Id,
    state: Annotated[str, typer.Argument(help="The state to move it to.", metavar="STATE")],
    reason: Reason,
    source: Annotated[str, typer.Option("--from", help="Refuse unless it is in this state.")] = "",
) -> Answer:
    """Move a case to another state. Where its type wants an approval, repeat the command once it was given."""
    wish = {"case": case, "to": state, "from": source, "reason": reason}
    return await _perform(settings, "case.move", wish)


@acts("decide", "bridle case decide cas_01jd3k… sanctions clear --reason 'list of 1 March'")
async def case_decide(
    settings: Settings,
    case: Id,
    decision: Annotated[str, typer.Argument(help="A decision that the type declares.", metavar="DECISION")],
    value: Annotated[str, typer.Argument(help="What was decided.", metavar="VALUE")],
    reason: Reason,
    replaces: Annotated[str, typer.Option("--replaces", help="What was decided before, to change it.")] = "",
) -> Answer:
    """Record what was decided in a case."""
    wish = {"case": case, "decision": decision, "value": value, "replaces": replaces, "reason": reason}
    return await _perform(settings, "case.decide", wish)


@acts("hold", "bridle case hold cas_01jd3k… --reason 'counsel looks at it'")
async def case_hold(settings: Settings, case: Id, reason: Reason) -> Answer:
    """Place a hold: until it is released the case does not move, and what lasts asks a person."""
    return await _perform(settings, "case.hold", {"case": case, "reason": reason})


@acts("release", "bridle case release cas_01jd3k… hld_01jd3m… --reason 'counsel agrees'")
async def case_release(
    settings: Settings,
    case: Id,
    hold: Annotated[str, typer.Argument(help="The hold's id: see bridle case show.", metavar="HOLD")],
    reason: Reason,
) -> Answer:
    """Release a hold."""
    return await _perform(settings, "case.release", {"case": case, "hold": hold, "reason": reason})


@acts("note", "bridle case note cas_01jd3k… 'asks for a call back' --said-by customer")
async def case_note(
    settings: Settings,
    case: Id,
    text: Annotated[str, typer.Argument(help="What to write into the case.", metavar="TEXT")],
    said_by: Annotated[
        str, typer.Option("--said-by", help="Who said it, when it is part of the conversation.")
    ] = "",
) -> Answer:
    """Write into a case, for whoever works on it."""
    return await _perform(settings, "case.note", {"case": case, "text": text, "said_by": said_by})


@acts("exception", "bridle case exception cas_01jd3k… fraud --reason 'two cards, one device'")
async def case_exception(
    settings: Settings,
    case: Id,
    kind: Annotated[
        str, typer.Argument(help="A word for it; `parked` says that work is parked.", metavar="KIND")
    ],
    reason: Reason,
) -> Answer:
    """Raise an exception: while it is open, what lasts asks a person."""
    return await _perform(settings, "case.exception", {"case": case, "kind": kind, "reason": reason})


@acts("resolve", "bridle case resolve cas_01jd3k… exc_01jd3m… --reason 'it was the holder'")
async def case_resolve(
    settings: Settings,
    case: Id,
    exception: Annotated[str, typer.Argument(help="Its id: see bridle case show.", metavar="EXCEPTION")],
    reason: Reason,
) -> Answer:
    """Resolve an exception, and say how."""
    return await _perform(settings, "case.resolve", {"case": case, "exception": exception, "reason": reason})


@looks("list", "bridle case list --due --json")
async def case_list(
    store: Store,
    type_name: Annotated[str, typer.Option("--type", help="Of this type alone.")] = "",
    object_id: Annotated[str, typer.Option("--object", help="For this business object alone.")] = "",
    due: Annotated[bool, typer.Option("--due", help="What is overdue, the longest first.")] = False,
    parked: Annotated[bool, typer.Option("--parked", help="Where work is parked, with its reason.")] = False,
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
) -> Answer:
    """List cases that are open: where each stands, and what holds it."""
    from bridle.operating.cases.casework import Wanted
    from bridle.surfaces.cli.case_list import find_cases, tell_line

    wanted = Wanted(type_name, object_id, due=due, parked=parked, ended=ended)
    found = await find_cases(store, wanted)
    return Answer(found, [line for item in found for line in tell_line(item)] or _say_none(wanted))


@looks("show", "bridle case show cas_01jd3k… --json")
async def case_show(store: Store, case: Id) -> Answer:
    """Show a case whole: its state, what may be done, what holds it, decisions, what waits, conversation and history."""
    from bridle.surfaces.cli.case_list import describe_case, tell_case

    document = await describe_case(store, case)
    return Answer(document, tell_case(document))


def _say_none(wanted: Wanted) -> str:
    kind = f" of the type {wanted.type}" if wanted.type else ""
    about = f" for {wanted.object}" if wanted.object else ""
    state = "overdue" if wanted.due else "parked" if wanted.parked else "there" if wanted.ended else "open"
    return f"No case{kind}{about} is {state}."


async def _perform(settings: Settings, tool: str, wish: Mapping[str, str]) -> Answer:
    """Perform one tool as the operating system's user, and say what came of it; what was left empty is left out."""
    from bridle.core.errors import ExecutionError
    from bridle.operating.cases.desk import describe_result, refuse

    arguments = {name: value for name, value in wish.items() if value}
    told = describe_result(await _act(settings, tool, arguments))
    is_new = tool == "case.open"
    if told["status"] == "denied" and is_new:
        hint = f"bridle case types; bridle case list --object {wish['object']}"
        raise refuse(told, where=f"{wish['type']} {wish['object']}", hint=hint)
    if told["status"] == "denied":
        raise refuse(told, where=wish["case"], hint=f"bridle case show {wish['case']}")
    if told["status"] == "unknown":
        raise ExecutionError(told["reason"], where=wish["case"], hint=f"bridle case show {wish['case']}")
    if told["status"] == "waiting":
        again = f" with --case {wish['case']}" if is_new else ""
        return Answer(
            told,
            f"{tool} of {wish['case']} waits for {told['approval']}",
            aside=f"next: bridle approve {told['approval']}, then repeat this command{again}",
            code=WAITS,
        )
    case = told["case"]
    line = f"{case['id']}  {case['type']} {case['object']}  {case['state']}  revision {case['revision']}"
    return Answer(told, line)


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
