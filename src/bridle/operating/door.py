"""The door: every call of an agent that runs elsewhere is an Action, and what becomes of it is an answer at once.

Rules
  1. Who calls is known by the token alone. It is looked up at each use, with its session, and both have to live.
  2. Offered are the external tools that the token's scope holds today, unless they are stopped. A call of any other is an action
     that the gate denies, so that the audit shows what was tried.
  3. A call is new and has a key of its own, unless it names an approval of this session that was not used yet: then it is the
     very action that the approval is about, or it is refused. After that the approval is used, and the same call is a new one.
  4. An ask is answered with the approval's id, and nothing waits.
  5. Two calls with one approval at the same time are one after the other: the second finds it used.
  6. Nobody can fill the journal: calls and refused tokens are counted (`operating.pace`).
  7. One process serves a session. Another takes it over when that one is gone; what was begun there and has no outcome is
     recorded as unknown first, and is nobody's to repeat.

It knows no protocol: `surfaces.mcp` speaks it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, canonical
from bridle.core.clock import Clock
from bridle.core.errors import BridleError, InputError, TrustError, UnavailableError
from bridle.core.ids import new_id
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Asked, Denied, Result, Unknown
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.gate.external import Catalogue, fill_key, offered_schema
from bridle.gate.gate import Gate
from bridle.gate.manifest import Effect, Manifest
from bridle.operating.pace import Pace, Refusals
from bridle.operating.session import STEP, Session, Sessions, SessionState, TakeSession
from bridle.operating.tools import Tools
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.permissions import holds
from bridle.trust.policy import Finding
from bridle.trust.principals import Principals
from bridle.trust.tokens import Token, Tokens, hash_secret, scope_today

NAME_LIMIT = 200
MOST_WAITING = 50  # more than a person reads
LARGEST_CALL = 64 << 10  # bytes of canonical JSON; a person may have to read it
OTHER_CALL = Finding(
    "approval.other-call",
    "This approval was given for another call. Repeat exactly the call that it was asked for, or leave it out.",
)


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


class Door:
    """Takes calls. `process` is this process among those of the store, `living` returns those that live."""

    def __init__(
        self,
        *,
        gate: Gate,
        journal: Journal,
        sessions: Sessions,
        tokens: Tokens,
        principals: Principals,
        approvals: Approvals,
        tools: Tools,
        catalogue: Catalogue,
        clock: Clock,
        process: str,
        living: Callable[[], Awaitable[set[str]]],
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._sessions = sessions
        self._tokens = tokens
        self._principals = principals
        self._approvals = approvals
        self._tools = tools
        self._catalogue = catalogue
        self._clock = clock
        self._process = process
        self._living = living
        self._refusals = Refusals(journal)
        self._pace = Pace()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def enter(self, secret: str) -> Caller:
        """Return who holds a token; raise TrustError, and record it, when it is none, or its session is over."""
        try:
            return await self._enter(secret)
        except TrustError as refused:
            await self._refusals.note(refused, self._clock.now())
            raise

    async def _enter(self, secret: str) -> Caller:
        token = await self._tokens.find(hash_secret(secret))
        session = await self._sessions.get(token.execution) if token is not None else None
        if token is None or session is None:
            raise TrustError(
                "this token is none", hint="bridle session open gives one", reason="token-unknown"
            )
        if session.state is not SessionState.OPEN:
            raise TrustError(
                "the session is closed", where=session.id, hint="open another", reason="session-closed"
            )
        if self._clock.now() >= min(token.expires_at, session.expires_at):
            raise TrustError(
                "the session has expired", where=session.id, hint="open another", reason="token-expired"
            )
        await self._take(session)
        return Caller(session, token, secret)

    async def offers(self, caller: Caller) -> list[Offer]:
        """Return the tools that the caller may use now."""
        await self._tools.refresh()
        scope = await scope_today(caller.token, self._principals, self._clock.now())
        found = self._catalogue.external().values()
        return [
            _offer(manifest) for manifest in found if holds(scope, manifest.needs) and not manifest.stopped
        ]

    async def call(
        self, caller: Caller, name: str, arguments: Mapping[str, Json], *, approval: str = ""
    ) -> Answer:
        """Perform one call and say what became of it; raise nothing that the caller could do something about."""
        if not self._pace.admits(caller.session.id):
            told = {"error": "too many calls", "reason": "too-many-calls", "next": "call again in a minute"}
            return Answer("failed", told=told)
        known = self._catalogue.get(_tool_name(name))
        # what lasts is called one after the other in a session, so that the same question is put once
        alone = f"{caller.session.id} {name}" if known and known.effect.lasts else new_id("cal")
        lock = self._locks.setdefault(approval or alone, asyncio.Lock())
        async with lock:
            try:
                await self._tools.refresh()
                result = await self._perform(caller, name, arguments, approval)
            except BridleError as error:
                told = {"error": error.what, "reason": error.reason, "next": error.hint}
                return Answer("failed", told={key: value for key, value in told.items() if value})
        return self._answer(result, self._catalogue.get(_tool_name(name)))

    async def _perform(
        self, caller: Caller, name: str, arguments: Mapping[str, Json], approval_id: str
    ) -> Result:
        tool = _tool_name(name)
        manifest = self._catalogue.get(tool)
        approval = await self._approval(caller, approval_id)
        key = approval.key if approval else f"{caller.session.id}/{STEP}#{new_id('cal')}"
        size = len(canonical(arguments))
        told: dict[str, Json] = {"size_bytes": size}
        if size > LARGEST_CALL:
            finding = Finding("tool.arguments", f"The arguments are larger than {LARGEST_CALL} bytes.")
            return await self._gate.refuse(_action(caller, key, tool, told), finding)
        if manifest is None:  # what is sent to a tool that is none is nobody's record
            return await self._gate.perform(_action(caller, key, tool, told))
        try:
            filled = fill_key(manifest, arguments, key=key)
        except InputError as error:
            finding = Finding("tool.arguments", f"{error.what}: {error.hint}.")
            return await self._gate.refuse(_action(caller, key, tool, arguments), finding)
        if approval is None and manifest.effect.lasts:
            waiting = await self._pending(caller, manifest, arguments)
            if waiting:
                return Asked("", waiting)
        action = _action(caller, key, tool, filled)
        if approval is not None and approval.action != action.digest:
            again = _action(caller, f"{caller.session.id}/{STEP}#{new_id('cal')}", tool, arguments)
            return await self._gate.refuse(again, OTHER_CALL)
        return await self._gate.perform(action)

    async def _approval(self, caller: Caller, approval_id: str) -> Approval | None:
        """Return the approval that a call names; None when it was used, so that the call is a new one."""
        if not approval_id:
            return None
        approval = await self._approvals.get(approval_id)
        if approval is None or approval.execution != caller.session.id:
            raise InputError(
                f"this session has no approval {approval_id[:80]!r}",
                hint="leave it out: the call is asked about anew",
                reason="no-approval",
            )
        ended = await self._journal.last(caller.session.id, approval.key, (Kind.OUTCOME,))
        return None if ended is not None and approval.state is ApprovalState.USED else approval

    async def _pending(self, caller: Caller, manifest: Manifest, arguments: Mapping[str, Json]) -> str:
        """Return the approval that waits for this very call already, or nothing: nobody is asked the same twice at once."""
        waiting = (ApprovalState.OPEN, ApprovalState.APPROVED)
        found = await self._approvals.find(execution=caller.session.id, states=waiting)
        now = self._clock.now()
        for approval in found:
            if approval.tool != manifest.tool or approval.state_at(now) not in waiting:
                continue
            again = fill_key(manifest, arguments, key=approval.key)
            if _action(caller, approval.key, manifest.tool, again).digest == approval.action:
                return approval.id
        if len(found) >= MOST_WAITING:
            raise InputError(
                f"{len(found)} calls of this session wait for a person",
                hint="wait for those, or do something else",
                reason="too-many-waiting",
            )
        return ""

    def _answer(self, result: Result, manifest: Manifest | None) -> Answer:
        if isinstance(result, Denied):
            return Answer("denied", told={"refused": True, "rule": result.rule, "reason": result.reason})
        if isinstance(result, Asked):
            return Answer("waiting", told={"approval": result.approval, "next": _next(result.approval)})
        if isinstance(result, Unknown):
            if manifest is not None and manifest.effect is Effect.READ:
                return Answer("failed", told={"error": "the answer was lost", "next": "call again"})
            return Answer(
                "unknown", told={"error": result.reason, "next": "do not repeat it: a person has to look"}
            )
        value = result.value if isinstance(result.value, Mapping) else {}
        return Answer(result.status, value=value)

    async def _take(self, session: Session) -> None:
        """Make sure that this process serves the session: rule 7."""
        if session.holder == self._process:
            return
        if session.holder and session.holder in await self._living():
            raise UnavailableError(
                f"another process serves {session.id}",
                hint="use its address: it printed it when it began",
                reason="held-elsewhere",
            )
        entry = Entry(Kind.SESSION_TAKEN, session.id, session.id, {"process": self._process})
        try:
            await self._journal.append([entry], [TakeSession(session.id, session.holder, self._process)])
        except GuardError as error:
            raise UnavailableError(
                f"another process has just taken {session.id}", hint="try again", reason="held-elsewhere"
            ) from error
        await self._gate.give_up(session.id)


def spell(tool: str) -> str:
    """Return a tool's name as clients can write it: `mcp.refunds.issue` is `refunds__issue`."""
    return tool.removeprefix("mcp.").replace(".", "__", 1)


def _tool_name(name: str) -> str:
    """Return the gate's name of a tool; one that no manifest has is denied there by that name."""
    server, _, tool = name[:NAME_LIMIT].partition("__")
    return f"mcp.{server}.{tool}"


def _offer(manifest: Manifest) -> Offer:
    asks = manifest.effect is not Effect.READ
    return Offer(spell(manifest.tool), manifest.description, offered_schema(manifest), asks)


def _action(caller: Caller, key: str, tool: str, arguments: Mapping[str, Json]) -> Action:
    session = caller.session
    return Action(
        request=Request(key, tool, arguments, caller.token.principal, session.purpose),
        execution=session.id,
        step=STEP,
        boundary=Boundary(),
        token=caller.secret,
        task={
            "session": session.id,
            "purpose": session.purpose,
            "case": session.case,
            "request_digest": session.request,
        },
    )


def _next(approval: str) -> str:
    return (
        f"A person has to approve this call: {approval}. Once they have, repeat exactly this call with "
        f'"bridle_approval": "{approval}" added. Go on with something else meanwhile, or stop.'
    )
