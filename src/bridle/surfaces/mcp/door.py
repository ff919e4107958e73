"""The door in the words of the Model Context Protocol: streamable HTTP, stateless, one bearer token a session.

Rules
  1. Without a token that lives nothing is served: 401, before the protocol is spoken. A header is the only place for it.
  2. `tools/list` has what the caller may use. Each tool that may ask has one argument more, `bridle_approval`; a client may send
     it as `_meta` as well, under `bridle/approval`.
  3. A refusal, an ask and a failure are results with `isError`, and say what they are as structured content: `refused`, `rule`
     and `reason`; `approval` and `next`; `error` and `next`. The protocol's own errors are for what is no call.
  4. `bridle_plan` is a tool of the door's own: it proposes calls, which a person approves at once (operating.proposals). It is
     there for whoever has a tool that may ask; no server's tool can have that name.
  5. Nothing that a server behind the door asks back comes through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import jsonschema
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bridle.core.canonical import Json
from bridle.core.errors import BridleError, TrustError
from bridle.operating.calling import Answer, Caller, Offer
from bridle.operating.door import Door
from bridle.operating.proposals import LONGEST_MESSAGE, MOST_CALLS, PlanCall

PATH = "/mcp"
APPROVAL = "bridle_approval"
META = "bridle/approval"
CALLER = "bridle.caller"
PLAN = "bridle_plan"
SUCCEEDED = "succeeded"


def build_mcp_app(door: Door) -> tuple[ASGIApp, AbstractAsyncContextManager[None]]:
    """Return the application that serves `PATH`, and what has to be entered while it does."""

    async def list_tools(
        context: ServerRequestContext[Any, Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        offers = await door.offers(_caller(context))
        own = [_plan_tool()] if any(offer.asks for offer in offers) else []
        return types.ListToolsResult(tools=[*map(_tool, offers), *own])

    async def call_tool(
        context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        if params.name == PLAN:
            return _result(await _propose(door, _caller(context), params.arguments or {}))
        arguments, approval = _split(params)
        return _result(await door.call(_caller(context), params.name, arguments, approval=approval))

    server: Server[Any] = Server("bridle", on_list_tools=list_tools, on_call_tool=call_tool)
    inner: Starlette = server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, json_response=True
    )
    return _Bearer(inner, door), server.session_manager.run()


class _Bearer:
    """Lets through who holds a token, and says to what is behind who that is."""

    def __init__(self, inner: ASGIApp, door: Door) -> None:
        self._inner = inner
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # lifespan is the server's, and nothing else is mounted here
        try:
            caller = await self._door.enter(_bearer(Request(scope)))
        except BridleError as error:
            await _refuse(error)(scope, receive, send)
            return
        await self._inner({**scope, CALLER: caller}, receive, send)


def _bearer(request: Request) -> str:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise TrustError(
            "there is no token",
            hint="send the session's token: Authorization: Bearer …",
            reason="token-missing",
        )
    return secret.strip()


def _refuse(error: BridleError) -> JSONResponse:
    refused = isinstance(error, TrustError)
    status = 401 if refused else 503
    return JSONResponse(
        {**error.to_problem(), "status": status},
        status_code=status,
        headers={"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{error.reason}"'}
        if refused
        else {},
        media_type="application/problem+json",
    )


def _caller(context: ServerRequestContext[Any, Any]) -> Caller:
    assert context.request is not None
    caller = context.request.scope[CALLER]
    assert isinstance(caller, Caller)
    return caller


def _tool(offer: Offer) -> types.Tool:
    schema: dict[str, Any] = {"type": "object", **offer.schema}
    if offer.asks:
        told = "Only when a person has approved this very call: the id of the approval."
        schema["properties"] = {
            **schema.get("properties", {}),
            APPROVAL: {"type": "string", "description": told},
        }
    return types.Tool(name=offer.name, description=offer.description, input_schema=schema)


def _plan_tool() -> types.Tool:
    call = {
        "type": "object",
        "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "calls": {"type": "array", "items": call, "minItems": 1, "maxItems": MOST_CALLS},
            "why": {"type": "string", "maxLength": LONGEST_MESSAGE},
        },
        "required": ["calls"],
        "additionalProperties": False,
    }
    told = (
        "Have a person approve several calls at once. List exactly the calls that you will make, in order, with all of their "
        "arguments. Once the plan is approved, make those calls in that order; anything else is judged on its own."
    )
    return types.Tool(name=PLAN, description=told, input_schema=schema)


async def _propose(door: Door, caller: Caller, arguments: Mapping[str, Any]) -> Answer:
    try:
        jsonschema.validate(dict(arguments), _plan_tool().input_schema)
    except jsonschema.ValidationError as error:
        told = {"error": f"this is no plan: {error.message[:200]}", "reason": "bad-plan"}
        return Answer("failed", told=told)
    calls = [PlanCall(call["tool"], call["arguments"]) for call in arguments["calls"]]
    return await door.propose(caller, calls, message=arguments.get("why", ""))


def _split(params: types.CallToolRequestParams) -> tuple[Mapping[str, Json], str]:
    arguments = dict(params.arguments or {})
    meta: Mapping[str, Any] = dict(params.meta or {})
    approval = arguments.pop(APPROVAL, "") or meta.get(META, "")
    return arguments, str(approval)


def _result(answer: Answer) -> types.CallToolResult:
    told = {name: value for name, value in answer.told.items() if value is not None}
    if told:
        said = {"status": answer.status, **told}
        text = types.TextContent(type="text", text=json.dumps(said, ensure_ascii=False))
        return types.CallToolResult(content=[text], structured_content=said, is_error=True)
    value = answer.value
    content = value.get("content")
    blocks = [
        types.TextContent(type="text", text=str(block.get("text", "")))
        for block in (content if isinstance(content, (list, tuple)) else ())
        if isinstance(block, Mapping)
    ]
    if value.get("error"):
        blocks.append(types.TextContent(type="text", text=str(value["error"])))
    structured = value.get("structured")
    return types.CallToolResult(
        content=list(blocks),
        structured_content=dict(structured) if isinstance(structured, Mapping) else None,
        is_error=answer.status != SUCCEEDED,
    )
