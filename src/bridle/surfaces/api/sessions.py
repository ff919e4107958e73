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

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridle.core.errors import BridleError, InputError
from bridle.operating.reception import Wanted
from bridle.operating.session import Session, TaskRequest
from bridle.surfaces.api import cases, tokens
from bridle.surfaces.api.who import Ports, authenticate, find_ports
from bridle.trust.principals import Principal

PROBLEM = "application/problem+json"
UNAUTHENTICATED = 401
STATUS = {"key-missing": UNAUTHENTICATED, "bad-key": UNAUTHENTICATED, "no-session": 404, "no-case": 404}


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


def build_api(ports: Ports) -> FastAPI:
    """Return the application."""
    api = FastAPI(title="Bridle", version="1", docs_url=None, redoc_url=None)
    api.state.ports = ports
    api.include_router(routes)
    api.include_router(tokens.routes)
    api.include_router(cases.routes)
    api.add_exception_handler(BridleError, _tell)
    api.add_exception_handler(RequestValidationError, _tell_invalid)
    return api


async def _own(
    session: str,
    ports: Annotated[Ports, Depends(find_ports)],
    principal: Annotated[Principal, Depends(authenticate)],
) -> Session:
    found = await ports.sessions.get(session)
    if found is None or found.initiator != principal.id:
        raise InputError(f"you have no session {session[:80]!r}", reason="no-session")
    return found


@routes.post("/sessions", status_code=201)
async def open_session(
    wanted: SessionRequest,
    ports: Annotated[Ports, Depends(find_ports)],
    principal: Annotated[Principal, Depends(authenticate)],
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
    found: Annotated[Session, Depends(_own)], ports: Annotated[Ports, Depends(find_ports)]
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
