"""Opens and closes sessions: who may come to the door, as which agent, for what.

Rules
  1. Who opens a session holds `session:open` in its project. The agent is one that has a file, and is registered when it is new;
     its purpose is the session's.
  2. The token asks for the external tools that the agent declares and, for a case, for the tools of cases: the door leads to
     nothing else. A case that has a type must be there, and must not have ended.
  3. An empty scope is refused: a session that can do nothing is a mistake of somebody's.
  4. Opening is one record with the request, whose words go to the working store; closing deletes the token
     in its record, and voids what still waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from bridle.agent.admission import admit_agent
from bridle.agent.definition import AgentDefinition
from bridle.agent.shelf import load_agent
from bridle.core.canonical import canonical, digest
from bridle.core.clock import Clock
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.gate.approvals import Approvals, ApprovalState, CloseApproval
from bridle.gate.loops import LONGEST_SESSION
from bridle.gate.manifest import is_external, needs_of
from bridle.operating.cases.book import CaseBook
from bridle.operating.cases.offering import is_case
from bridle.operating.session import (
    STEP,
    CloseSession,
    OpenSession,
    Session,
    Sessions,
    SessionState,
    TaskRequest,
)
from bridle.pipeline.complaint import suggest
from bridle.trust.access import require
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind
from bridle.trust.permissions import holds
from bridle.trust.principals import Place, Principal, Principals
from bridle.trust.redaction import Redactor
from bridle.trust.tokens import DeleteTokens, MintToken, describe_token, mint

OPEN = "session:open"
DEFAULT_TTL = timedelta(hours=8)


@dataclass(frozen=True)
class Wanted:
    """What a session is asked for. `uses` is a reference to an agent, `initiator` a principal's id."""

    uses: str
    initiator: str
    purpose: str
    request: TaskRequest
    case: str = ""
    ttl: timedelta = DEFAULT_TTL


@dataclass(frozen=True)
class Opened:
    """A session with the secret of its token, which exists only here and in the caller's memory."""

    session: Session
    secret: str = field(repr=False)
    tools: tuple[str, ...]


@dataclass(kw_only=True)
class Reception:
    """Opens and closes sessions."""

    journal: Journal
    sessions: Sessions
    principals: Principals
    approvals: Approvals
    redactor: Redactor
    clock: Clock
    roots: Sequence[Path]
    book: CaseBook | None = None
    project: str = ""
    approved_agents_only: bool = False

    async def open(self, wanted: Wanted) -> Opened:
        """Open a session; raise InputError or TrustError that says what stands against it."""
        definition = load_agent(wanted.uses, roots=self.roots)
        _check(wanted, definition)
        _check_inputs(wanted.request, definition)
        await self._check_case(wanted.case)
        declared = [tool for tool in definition.tools if _leads_to(tool, wanted)]
        place = Place(self.project)
        initiator = await require(self.principals, wanted.initiator, OPEN, place)
        agent = await admit_agent(
            definition,
            stream="",
            principals=self.principals,
            journal=self.journal,
            first_use=not self.approved_agents_only,
        )
        now = self.clock.now()
        session = Session(
            id=new_id("ses"),
            agent=agent.id,
            initiator=initiator.id,
            purpose=wanted.purpose,
            case=wanted.case,
            request=digest(wanted.request.to_json()),
            opened_at=now,
            expires_at=now + wanted.ttl,
        )
        minted = mint(
            actor=agent,
            initiator=initiator,
            asked_for=frozenset(needs_of(tool) for tool in declared),
            execution=session.id,
            step=STEP,
            expires_at=session.expires_at,
            place=place,
            purpose=wanted.purpose,
            boundary=self.principals.boundary(place),
        )
        entries = [
            self._opened(session, agent, wanted.request),
            Entry(Kind.TOKEN_MINTED, session.id, minted.token.id, describe_token(minted)),
        ]
        await self.journal.append(entries, [OpenSession(session), MintToken(minted.token)])
        tools = tuple(tool for tool in declared if holds(minted.token.scope, needs_of(tool)))
        return Opened(session, minted.secret, tools)

    async def close(self, session_id: str, *, by: str) -> Session:
        """Close a session and delete its token; raise InputError when there is none, or it is closed already."""
        session = await self.sessions.get(session_id)
        if session is None:
            raise InputError(
                f"there is no session {session_id!r}", hint="bridle session list", reason="no-session"
            )
        waiting = await self.approvals.find(
            execution=session.id, states=(ApprovalState.OPEN, ApprovalState.APPROVED)
        )
        entry = Entry(
            Kind.SESSION_CLOSED, session.id, session.id, {"by": by, "void": [item.id for item in waiting]}
        )
        guards: list[Guard] = [CloseSession(session.id), DeleteTokens(session.id)]
        try:
            await self.journal.append([entry], [*guards, *(CloseApproval(item.id) for item in waiting)])
        except GuardError as error:
            raise InputError(
                f"{session.id} is closed already", hint="bridle session list", reason="session-closed"
            ) from error
        return replace(session, state=SessionState.CLOSED)

    async def _check_case(self, case: str) -> None:
        """A case with a type has to be there and open; any other name is a key of the history alone."""
        if not is_case(case):
            return
        found = await self.book.get(case) if self.book is not None else None
        if found is None or found[0].final:
            what = f"the case {case} has ended" if found else f"there is no case {case!r}"
            raise InputError(what, hint="bridle case list", reason="no-case")

    def _opened(self, session: Session, agent: Principal, request: TaskRequest) -> Entry:
        body = {
            **session.to_json(),
            "agent_version": agent.version,
            "agent_digest": agent.digest,
            "request": self.redactor.with_personal().redact_json(request.to_json()),
        }
        return Entry(
            Kind.SESSION_OPENED, session.id, session.id, body, {"request": canonical(request.to_json())}
        )


def _leads_to(tool: str, wanted: Wanted) -> bool:
    """True for what a session is for: tools of servers and, in a session of a case, the tools of cases."""
    return is_external(tool) or (is_case(wanted.case) and tool.startswith("case."))


def _check_inputs(request: TaskRequest, definition: AgentDefinition) -> None:
    """Refuse what an agent that names its inputs does not know; one that names none takes whatever it is given."""
    declared = [item.name for item in definition.inputs]
    for name in request.inputs if declared else ():
        if name not in declared:
            hint = suggest(name, declared, otherwise=f"its inputs are {', '.join(declared)}")
            what = f"{definition.name} has no input {name[:80]!r}"
            raise InputError(what, where=f"-i {name[:80]}", hint=hint, reason="unknown-input")


def _check(wanted: Wanted, definition: AgentDefinition) -> None:
    if wanted.purpose != str(definition.purpose):
        raise TrustError(
            f"{definition.name} is for {definition.purpose}, not for {wanted.purpose!r}",
            hint=f"give --purpose {definition.purpose}, or name another agent",
            reason="other-purpose",
        )
    if not timedelta(0) < wanted.ttl <= LONGEST_SESSION:
        raise InputError("a session lasts up to 7 days", hint="give --expires 8h", reason="bad-expiry")
    if not any(_leads_to(tool, wanted) for tool in definition.tools):
        raise InputError(
            f"{definition.name} declares no tool of a server, so the door leads nowhere for it",
            hint="list mcp.SERVER.TOOL among the tools of its file",
            reason="no-tools",
        )
