"""`/v1/sessions`: opens and closes sessions for a program that authenticates with its principal's key.

    POST   /v1/sessions        {"agent", "purpose", "request"?, "inputs"?, "case"?, "expires_s"?}
                               -> 201 {"session", "token", "url", "tools", …}
    GET    /v1/sessions/{id}   -> 200 the session, without its token
    DELETE /v1/sessions/{id}   -> 200 the session, closed

Rules
  1. Every request carries a key (`Authorization: Bearer brk_…`): its principal is the initiator. A session's token is no key.
  2. A session is shown and closed by who opened it, and by nobody else; to others there is none.
  3. An error is a problem document (RFC 9457). What is not known in a request is refused, never left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridle.core.errors import BridleError, InputError, TrustError
from bridle.operating.reception import Reception, Wanted
from bridle.operating.session import Session, Sessions, TaskRequest
from bridle.surfaces.api import tokens
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import Exchange
from bridle.trust.principals import Principal

PROBLEM = "application/problem+json"
UNAUTHENTICATED = 401
STATUS = {"key-missing": UNAUTHENTICATED, "bad-key": UNAUTHENTICATED, "no-session": 404}


routes = APIRouter(prefix="/v1")


class SessionRequest(BaseModel):
    """What a session is asked for. `request` are a person's words, `inputs` data by name; both are trusted origins."""

    model_config = ConfigDict(extra="forbid")

    agent: str = Field(description="publisher.name@1.0.0")
    purpose: str
    request: str = Field("", max_length=100_000)
    inputs: dict[str, Any] = Field(default_factory=dict)
    case: str = Field("", max_length=200)
    expires_s: int = Field(8 * 3600, gt=0, le=7 * 86400)


@dataclass(frozen=True)
class Ports:
    """What the interface stands on; `door` is the address of the MCP endpoint."""

    reception: Reception
    sessions: Sessions
    authentication: Authentication
    exchange: Exchange
    door: str


def build_api(ports: Ports) -> FastAPI:
    """Return the application."""
    api = FastAPI(title="Bridle", version="1", docs_url=None, redoc_url=None)
    api.state.ports = ports
    api.include_router(routes)
    api.include_router(tokens.routes)
    api.add_exception_handler(BridleError, _tell)
    api.add_exception_handler(RequestValidationError, _tell_invalid)
    return api


def _ports(request: Request) -> Ports:
    ports = request.app.state.ports
    assert isinstance(ports, Ports)
    return ports


async def _who(
    ports: Annotated[Ports, Depends(_ports)], authorization: Annotated[str, Header()] = ""
) -> Principal:
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer":
        raise TrustError("there is no key", hint="send Authorization: Bearer brk_…", reason="key-missing")
    return await ports.authentication.authenticate(key.strip())


async def _own(
    session: str, ports: Annotated[Ports, Depends(_ports)], principal: Annotated[Principal, Depends(_who)]
) -> Session:
    found = await ports.sessions.get(session)
    if found is None or found.initiator != principal.id:
        raise InputError(f"you have no session {session[:80]!r}", reason="no-session")
    return found


@routes.post("/sessions", status_code=201)
async def open_session(
    wanted: SessionRequest,
    ports: Annotated[Ports, Depends(_ports)],
    principal: Annotated[Principal, Depends(_who)],
) -> dict[str, Any]:
    """Open a session for the key's principal."""
    opened = await ports.reception.open(
        Wanted(
            uses=wanted.agent,
            initiator=principal.id,
            purpose=wanted.purpose,
            request=TaskRequest(wanted.request, wanted.inputs),
            case=wanted.case,
            ttl=timedelta(seconds=wanted.expires_s),
        )
    )
    told = opened.session.to_json()
    where = {"session": told.pop("id"), "token": opened.secret, "url": ports.door}
    return {**where, **told, "tools": list(opened.tools)}


@routes.get("/sessions/{session}")
async def show_session(found: Annotated[Session, Depends(_own)]) -> dict[str, Any]:
    """Show a session of one's own."""
    return dict(found.to_json())


@routes.delete("/sessions/{session}")
async def close_session(
    found: Annotated[Session, Depends(_own)], ports: Annotated[Ports, Depends(_ports)]
) -> dict[str, Any]:
    """Close a session of one's own."""
    return dict((await ports.reception.close(found.id, by=found.initiator)).to_json())


async def _tell(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BridleError)
    status = STATUS.get(error.reason, error.status)
    headers = {"WWW-Authenticate": "Bearer"} if status == UNAUTHENTICATED else {}
    return JSONResponse({**error.to_problem(), "status": status}, status, headers=headers, media_type=PROBLEM)


async def _tell_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = "/".join(str(part) for part in first["loc"])
    return await _tell(request, InputError(first["msg"], where=place, reason="bad-request"))
