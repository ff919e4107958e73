"""The door: every call of an agent that runs elsewhere is an Action, and what becomes of it is an answer at once.

Rules
  1. Who calls is known by the token alone. It is looked up at each use, with its session, and both have to live.
  2. Offered are the external tools that the token's scope holds today, unless they are stopped. A call of any other is an action
     that the gate denies, so that the audit shows what was tried.
  3. A call is new and has a key of its own, unless it names an approval of this session that was not used yet: then it is the
     very action that the approval is about, or it is refused. After that the approval is used, and the same call is a new one.
  4. An ask is answered with the approval's id, and nothing waits.
  5. Two calls with one approval at the same time are one after the other: the second finds it used.
  6. Calls that people approved as a plan need no id: the call that is next in it, exactly, is that call (`operating.call_plans`).
     While a session has a plan, its calls are one after the other.
  7. Nobody can fill the journal: calls and refused tokens are counted (`operating.pace`).
  8. One process serves a session. Another takes it over when that one is gone; what was begun there and has no outcome is
     settled first: by its target, where that can be asked, else it is unknown, and nobody's to repeat.

It knows no protocol: `surfaces.mcp` speaks it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, replace
from weakref import WeakValueDictionary

from bridle.core.canonical import Json, canonical
from bridle.core.clock import Clock
from bridle.core.errors import BridleError, InputError, TrustError, UnavailableError
from bridle.core.ids import new_id
from bridle.gate.action import Asked, Denied, Result, Unknown
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.gate.asking import asked_before
from bridle.gate.external import Catalogue, offered_schema
from bridle.gate.gate import Gate
from bridle.gate.manifest import Effect, Manifest
from bridle.gate.rerouting import primary_key
from bridle.operating.beginning import Beginning
from bridle.operating.call_plans import CallPlans, is_planned
from bridle.operating.calling import (
    LARGEST_CALL,
    MOST_WAITING,
    TOO_MANY_CALLS,
    Answer,
    Caller,
    Offer,
    action_of,
    failed,
    fill,
    spell,
    too_many_waiting,
    tool_name,
)
from bridle.operating.cases.offering import (
    describe_arguments,
    is_case,
    list_case_tools,
    spell_case_tool,
    tell_result,
)
from bridle.operating.pace import Pace, Refusals
from bridle.operating.proposals import PlanCall, Proposals
from bridle.operating.session import STEP, Session, Sessions, SessionState, TakeSession
from bridle.operating.tools import Tools
from bridle.trust.bindings import BEGIN_SESSION
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.permissions import holds
from bridle.trust.policy import Finding
from bridle.trust.principals import Principals
from bridle.trust.tokens import Tokens, hash_secret, scope_today

OTHER_CALL = Finding(
    "approval.other-call",
    "This approval was given for another call. Repeat exactly the call that it was asked for, or leave it out.",
)


@dataclass(kw_only=True, eq=False)
class Door:
    """Takes calls. `process` is this process among those of the store, `living` returns those that live, `attest` the
    record of the controls that this process serves a session under."""

    gate: Gate
    journal: Journal
    sessions: Sessions
    tokens: Tokens
    principals: Principals
    approvals: Approvals
    tools: Tools
    catalogue: Catalogue
    clock: Clock
    process: str
    living: Callable[[], Awaitable[set[str]]]
    attest: Callable[[str], Entry]
    events: InitVar[frozenset[str]] = frozenset()

    def __post_init__(self, events: frozenset[str]) -> None:
        self._beginning = Beginning(
            gate=self.gate,
            journal=self.journal,
            principals=self.principals,
            clock=self.clock,
            asked=BEGIN_SESSION in events,
        )
        self._plans = CallPlans(self.journal, self.approvals, self.clock)
        self._proposals = Proposals(
            gate=self.gate,
            journal=self.journal,
            approvals=self.approvals,
            catalogue=self.catalogue,
            plans=self._plans,
        )
        self._refusals = Refusals(self.journal)
        self._pace = Pace()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def enter(self, secret: str) -> Caller:
        """Return who holds a token; raise TrustError, and record it, when it is none, or its session is over."""
        try:
            return await self._enter(secret)
        except TrustError as refused:
            await self._refusals.note(refused, self.clock.now())
            raise

    async def _enter(self, secret: str) -> Caller:
        token = await self.tokens.find(hash_secret(secret))
        session = await self.sessions.get(token.execution) if token is not None else None
        if token is None or session is None:
            raise TrustError(
                "this token is none", hint="bridle session open gives one", reason="token-unknown"
            )
        if session.state is not SessionState.OPEN:
            raise TrustError(
                "the session is closed", where=session.id, hint="open another", reason="session-closed"
            )
        if self.clock.now() >= min(token.expires_at, session.expires_at):
            raise TrustError(
                "the session has expired", where=session.id, hint="open another", reason="token-expired"
            )
        await self._take(session, secret)
        return Caller(session, token, secret)

    async def offers(self, caller: Caller) -> list[Offer]:
        """Return the tools that the caller may use now."""
        await self.tools.refresh()
        scope = await scope_today(caller.token, self.principals, self.clock.now())
        found = self.catalogue.external().values()
        external = [
            _offer(manifest) for manifest in found if holds(scope, manifest.needs) and not manifest.stopped
        ]
        own = list_case_tools(scope) if is_case(caller.session.case) else []
        return [*external, *map(_offer, own)]

    async def call(
        self, caller: Caller, name: str, arguments: Mapping[str, Json], *, approval: str = ""
    ) -> Answer:
        """Perform one call and say what became of it; raise nothing that the caller could do something about."""
        if not self._pace.admits(caller.session.id):
            return TOO_MANY_CALLS
        known = self.catalogue.get(tool_name(name))
        # what lasts is called one after the other in a session, so that the same question is put once
        alone = f"{caller.session.id} {name}" if known and _is_put_once(known) else new_id("cal")
        of_plan = await self._plans.any(caller.session.id)
        lock = self._locks.setdefault(caller.session.id if of_plan else approval or alone, asyncio.Lock())
        async with lock:
            try:
                await self.tools.refresh()
                result = await self._begin(caller) or await self._perform(caller, name, arguments, approval)
            except BridleError as error:
                return failed(error)
        return self._answer(result, self.catalogue.get(tool_name(name)))

    async def propose(self, caller: Caller, calls: Sequence[PlanCall], *, message: str = "") -> Answer:
        """Ask people about these calls at once, in this order; say what waits, or why nothing does."""
        if not self._pace.admits(caller.session.id):
            return TOO_MANY_CALLS
        async with self._locks.setdefault(caller.session.id, asyncio.Lock()):
            try:
                await self.tools.refresh()
                if held := await self._begin(caller):
                    return self._answer(held, None)
                return await self._proposals.propose(caller, calls, message=message)
            except BridleError as error:
                return failed(error)

    async def _begin(self, caller: Caller) -> Result | None:
        """Return what keeps the session from beginning; calls that come at the same time wait for the one answer."""
        async with self._locks.setdefault(f"{caller.session.id} begins", asyncio.Lock()):
            return await self._beginning.ask(caller)

    async def _perform(
        self, caller: Caller, name: str, arguments: Mapping[str, Json], approval_id: str
    ) -> Result:
        tool = tool_name(name)
        manifest = self.catalogue.get(tool)
        approval = await self._approval(caller, approval_id)
        key = primary_key(approval.key) if approval else f"{caller.session.id}/{STEP}#{new_id('cal')}"
        told, unfit = _measure(arguments)
        if unfit is not None:
            return await self.gate.refuse(action_of(caller, key, tool, told), unfit)
        if manifest is None:  # what is sent to a tool that is none is nobody's record
            return await self.gate.perform(action_of(caller, key, tool, told))
        try:
            filled = fill(caller, manifest, arguments, key=key)
        except InputError as error:
            finding = Finding("tool.arguments", f"{error.what}: {error.hint}.")
            return await self.gate.refuse(action_of(caller, key, tool, arguments), finding)
        turn = await self._plans.turn(
            caller.session.id,
            lambda key: action_of(caller, key, tool, fill(caller, manifest, arguments, key=key)).digest,
            approval,
        )
        if turn is not None:
            filled = fill(caller, manifest, arguments, key=turn.key)
            action = replace(action_of(caller, turn.key, tool, filled), plan=turn.fact)
            result = await self.gate.perform(action)
            await self._plans.took(caller.session.id, turn, result)
            return result
        if approval is None and _is_put_once(manifest):
            waiting = await self._pending(caller, manifest, arguments)
            if waiting is not None:
                return asked_before(waiting)
        action = action_of(caller, key, tool, filled)
        if approval is not None and await self._asked_for(approval) != action.digest:
            again = action_of(caller, f"{caller.session.id}/{STEP}#{new_id('cal')}", tool, arguments)
            return await self.gate.refuse(again, OTHER_CALL)
        return await self.gate.perform(action)

    async def _approval(self, caller: Caller, approval_id: str) -> Approval | None:
        """Return the approval that a call names; None when it was used, so that the call is a new one."""
        if not approval_id:
            return None
        approval = await self.approvals.get(approval_id)
        if approval is None or approval.execution != caller.session.id:
            raise InputError(
                f"this session has no approval {approval_id[:80]!r}",
                hint="leave it out: the call is asked about anew",
                reason="no-approval",
            )
        if approval.tool == BEGIN_SESSION:
            return None  # it was about the session, which has begun, and is about no call
        ended = await self.journal.last(caller.session.id, approval.key, (Kind.OUTCOME,))
        return None if ended is not None and approval.state is ApprovalState.USED else approval

    async def _pending(
        self, caller: Caller, manifest: Manifest, arguments: Mapping[str, Json]
    ) -> Approval | None:
        """Return the request that waits for this very call already, or None: nobody is asked the same twice at once."""
        waiting = (ApprovalState.OPEN, ApprovalState.APPROVED)
        found = await self.approvals.find(execution=caller.session.id, states=waiting)
        now = self.clock.now()
        for approval in found:
            state = approval.state_at(now)
            rerouted = approval.key != primary_key(approval.key)
            if (approval.tool != manifest.tool and not rerouted) or state not in waiting:
                continue
            if is_planned(approval) and state is ApprovalState.APPROVED:
                continue  # it was approved for its place in the plan, and this is not its turn
            key = primary_key(approval.key)
            again = fill(caller, manifest, arguments, key=key)
            if action_of(caller, key, manifest.tool, again).digest == await self._asked_for(approval):
                return approval
        if len(found) >= MOST_WAITING:
            raise too_many_waiting(len(found))
        return None

    async def _asked_for(self, approval: Approval) -> str:
        """Return the digest of the call that an approval came of: of a substitute's, the call that it stands in for."""
        key = primary_key(approval.key)
        if key == approval.key:
            return approval.action
        first = await self.journal.last(approval.execution, key, (Kind.DECIDED,))
        return str(first.body["action"]) if first else ""

    def _answer(self, result: Result, manifest: Manifest | None) -> Answer:
        if isinstance(result, Denied):
            return Answer("denied", told={"refused": True, "rule": result.rule, "reason": result.reason})
        if isinstance(result, Asked):
            why: dict[str, Json] = {"rule": result.rule, "reason": result.reason}
            told: dict[str, Json] = {"approval": result.approval, **why, "next": _next(result)}
            return Answer("waiting", told=told)
        if isinstance(result, Unknown):
            if manifest is not None and manifest.effect is Effect.READ:
                return Answer("failed", told={"error": "the answer was lost", "next": "call again"})
            return Answer(
                "unknown", told={"error": result.reason, "next": "do not repeat it: a person has to look"}
            )
        value = result.value if isinstance(result.value, Mapping) else {}
        if manifest is not None and manifest.inside:
            value = tell_result(value)
        return Answer(result.status, value=value, told={"done_by": spell(result.by)} if result.by else {})

    async def _take(self, session: Session, secret: str) -> None:
        """Make sure that this process serves the session: rule 8."""
        if session.holder == self.process:
            return
        if session.holder and session.holder in await self.living():
            raise UnavailableError(
                f"another process serves {session.id}",
                hint="use its address: it printed it when it began",
                reason="held-elsewhere",
            )
        entry = Entry(Kind.SESSION_TAKEN, session.id, session.id, {"process": self.process})
        try:
            await self.journal.append(
                [entry, self.attest(session.id)], [TakeSession(session.id, session.holder, self.process)]
            )
        except GuardError as error:
            raise UnavailableError(
                f"another process has just taken {session.id}", hint="try again", reason="held-elsewhere"
            ) from error
        await self.gate.give_up(session.id, token=secret)


def _offer(manifest: Manifest) -> Offer:
    asks = manifest.effect is not Effect.READ
    if manifest.inside:
        told = describe_arguments(manifest)
        return Offer(spell_case_tool(manifest.tool), manifest.description, told, asks)
    return Offer(spell(manifest.tool), manifest.description, offered_schema(manifest), asks)


def _measure(arguments: Mapping[str, Json]) -> tuple[dict[str, Json], Finding | None]:
    """Return what is told of arguments that are not kept, and why nothing is done with them, if so."""
    try:
        size = len(canonical(arguments))
    except InputError as error:
        return {}, Finding("tool.arguments", f"The arguments are no plain JSON: {error.what}.")
    if size > LARGEST_CALL:
        too_large = Finding("tool.arguments", f"The arguments are larger than {LARGEST_CALL} bytes.")
        return {"size_bytes": size}, too_large
    return {"size_bytes": size}, None


def _is_put_once(manifest: Manifest) -> bool:
    """True for what a person may be asked about: the same question is put once."""
    return manifest.effect.lasts or manifest.inside


def _next(asked: Asked) -> str:
    approval = asked.approval
    if asked.approved:
        return f'This call is approved. Repeat exactly it with "bridle_approval": "{approval}" added: it is done then.'
    return (
        f"A person has to approve this call: {approval}. Once they have, repeat exactly this call with "
        f'"bridle_approval": "{approval}" added. Go on with something else meanwhile, or stop.'
    )
