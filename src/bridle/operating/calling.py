"""What comes through the door: who calls, what they are offered, what they are answered, and a call as an Action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import BridleError, InputError
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action
from bridle.gate.external import fill_key
from bridle.gate.manifest import Manifest
from bridle.gate.outcomes import NOT_RECORDED
from bridle.operating.cases.offering import fill_case, find_case_tool, is_case
from bridle.operating.session import STEP, Session
from bridle.trust.tokens import Token

NAME_LIMIT = 200
MOST_WAITING = 50  # more than a person reads
LARGEST_CALL = 64 << 10  # bytes of canonical JSON; a person may have to read it


@dataclass(frozen=True)
class Caller:
    """Who is at the door."""

    session: Session
    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """A tool as an agent is told of it. `name` is the door's spelling of it; `asks` says that it may need an approval."""

    name: str
    description: str
    schema: Mapping[str, Json]
    asks: bool


@dataclass(frozen=True)
class Answer:
    """What became of a call: `status` is succeeded, failed, denied, waiting or unknown. `value` is the tool's own result;
    `told` is what Bridle says of it: rule and reason, or the approval's id."""

    status: str
    value: Mapping[str, Json] = field(default_factory=dict)
    told: Mapping[str, Json] = field(default_factory=dict)


TOO_MANY_CALLS = Answer(
    "failed",
    told={"error": "too many calls", "reason": "too-many-calls", "next": "call again in a minute"},
)


def failed(error: BridleError) -> Answer:
    """Return the answer for what never became an action, or one whose outcome could not be recorded."""
    if error.reason == NOT_RECORDED:
        told = {
            "error": error.what,
            "reason": error.reason,
            "next": "do not repeat it: it may have been done",
        }
        return Answer("unknown", told=told)
    told = {"error": error.what, "reason": error.reason, "next": error.hint}
    return Answer("failed", told={key: value for key, value in told.items() if value})


def too_many_waiting(waiting: int) -> InputError:
    """Return the error for a session that asks too much."""
    return InputError(
        f"{waiting} calls of this session wait for a person",
        hint="wait for those, or do something else",
        reason="too-many-waiting",
    )


def spell(tool: str) -> str:
    """Return a tool's name as clients can write it: `mcp.refunds.issue` is `refunds__issue`."""
    return tool.removeprefix("mcp.").replace(".", "__", 1)


def tool_name(name: str) -> str:
    """Return the gate's name of a tool; one that no manifest has is denied there by that name."""
    own = find_case_tool(name)
    if own is not None:
        return own.tool
    readable = name.encode("utf-8", "backslashreplace").decode("utf-8")  # what is no text cannot be recorded
    server, _, tool = readable[:NAME_LIMIT].partition("__")
    return f"mcp.{server}.{tool}"


def fill(
    caller: Caller, manifest: Manifest, arguments: Mapping[str, Json], *, key: str
) -> Mapping[str, Json]:
    """Return the arguments with what the door fills in: the session's case, or the action's key; raise InputError for a key of
    somebody else's."""
    if manifest.inside:
        return fill_case(arguments, caller.session.case)
    return fill_key(manifest, arguments, key=key)


def action_of(caller: Caller, key: str, tool: str, arguments: Mapping[str, Json]) -> Action:
    """Return a call as the action that it is, under this key."""
    session = caller.session
    return Action(
        request=Request(key, tool, arguments, caller.token.principal, session.purpose),
        execution=session.id,
        step=STEP,
        boundary=Boundary(),
        token=caller.secret,
        task=session.task,
        case=session.case if is_case(session.case) else "",
    )
