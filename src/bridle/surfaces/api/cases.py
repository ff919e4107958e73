"""`/v1/cases`: cases for a program that authenticates with its principal's key.

    POST /v1/cases                 {"type", "object", "reason"?}  -> 201 {"status": "done", "case": {…}}
    GET  /v1/cases                 ?type= &object= &due=true &parked=true &ended=true  -> 200 [{…}]
    GET  /v1/cases/{id}            -> 200 the case whole, with its history
    POST /v1/cases/{id}/{what}     what is move, decide, hold, release, note, exception or resolve; its arguments but `case`
                                   -> 200 {"status": "done", "case": {…}}
                                   -> 202 {"status": "waiting", "approval"}: say the same again once it was given

Rules
  1. Each is an action of the key's principal through the gate, a look at one case too. What is denied is a problem document with
     the rule as its reason.
  2. A list says what cases say of themselves, to whom holds `case:show`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridle.core.errors import InputError
from bridle.core.ids import new_id
from bridle.operating.cases.casework import Wanted, list_cases
from bridle.operating.cases.desk import describe_result, refuse
from bridle.surfaces.api.who import Ports, authenticate, find_ports
from bridle.trust.principals import Principal

routes = APIRouter(prefix="/v1/cases")
Stands = Annotated[Ports, Depends(find_ports)]
Who = Annotated[Principal, Depends(authenticate)]
WAITING = 202


class What(StrEnum):
    """What may be done about a case."""

    MOVE = "move"
    DECIDE = "decide"
    HOLD = "hold"
    RELEASE = "release"
    NOTE = "note"
    EXCEPTION = "exception"
    RESOLVE = "resolve"


class CaseRequest(BaseModel):
    """What a case is opened for."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(max_length=63)
    object: str = Field(min_length=1, max_length=200)
    reason: str = Field("", max_length=2000)


@routes.post("", status_code=201)
async def open_case(wanted: CaseRequest, ports: Stands, who: Who) -> JSONResponse:
    """Open a case."""
    given = {name: value for name, value in wanted.model_dump().items() if value}
    told = await _perform(ports, who, "case.open", {"case": new_id("cas"), **given})
    return JSONResponse(told, 201)


@routes.get("")
async def find_cases(
    ports: Stands,
    who: Who,
    type: str = "",
    object: str = "",
    due: bool = False,
    parked: bool = False,
    ended: bool = False,
) -> list[dict[str, Any]]:
    """List cases."""
    await ports.casework.desk.require(who.id, "case.show")
    wanted = Wanted(type, object, due=due, parked=parked, ended=ended)
    work = ports.casework
    return [dict(one) for one in await list_cases(work.cases, work.book, wanted, now=datetime.now(UTC))]


@routes.get("/{case}")
async def show_case(case: str, ports: Stands, who: Who) -> dict[str, Any]:
    """Show a case whole."""
    await _find(ports, case)
    told = await _perform(ports, who, "case.show", {"case": case})
    return dict(told["case"])


@routes.post("/{case}/{what}")
async def change_case(
    case: str, what: What, arguments: dict[str, Any], ports: Stands, who: Who
) -> JSONResponse:
    """Do something about a case."""
    if "case" in arguments:
        raise InputError("the case is named in the path", where="body/case", reason="bad-request")
    await _find(ports, case)
    told = await _perform(ports, who, f"case.{what}", {**arguments, "case": case})
    return JSONResponse(told, WAITING if told["status"] == "waiting" else 200)


async def _perform(ports: Ports, who: Principal, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    told = describe_result(await ports.casework.desk.perform(tool, arguments, by=who.id))
    if told["status"] == "denied":
        raise refuse(told, where=arguments["case"])
    return told


async def _find(ports: Ports, case: str) -> None:
    """Raise InputError where there is no such case, before anything is recorded about it."""
    if await ports.casework.book.get(case) is None:
        raise InputError(f"there is no case {case[:80]!r}", reason="no-case")
