"""`/v1/token`: exchanges a token for a narrower one (`trust.exchange`, RFC 8693).

    POST /v1/token   application/x-www-form-urlencoded: grant_type, subject_token, subject_token_type, actor_token,
                     actor_token_type; scope, resource, purpose, expires_in narrow
                     -> 200 {"access_token", "issued_token_type", "token_type", "expires_in", "scope", "act"}
                     -> 400 {"error", "error_description"}

The actor's token is who asks; there is no other authentication. Errors have the form of RFC 6749 section 5.2.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from bridle.core.errors import TrustError
from bridle.trust.exchange import Exchange, ExchangeError

LARGEST_FORM = 16 * 1024
FIELDS = 20
NO_STORE = {"Cache-Control": "no-store"}
routes = APIRouter(prefix="/v1")


@routes.post("/token")
async def exchange_token(request: Request) -> JSONResponse:
    """Exchange a token."""
    exchange = request.app.state.ports.exchange
    assert isinstance(exchange, Exchange)
    try:
        answer: dict[str, Any] = await exchange.exchange(_read_form(await request.body()))
    except TrustError as error:
        code = error.reason if isinstance(error, ExchangeError) else "invalid_grant"
        told = {"error": code, "error_description": error.what}
        return JSONResponse(told, 400, headers=NO_STORE)
    return JSONResponse(answer, headers=NO_STORE)


def _read_form(body: bytes) -> dict[str, str]:
    """Return the fields; raise ExchangeError for what is no form, or says something twice."""
    if len(body) > LARGEST_FORM:
        raise ExchangeError("the request is too large")
    try:
        pairs = parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=FIELDS, errors="strict")
    except ValueError as error:
        raise ExchangeError("the request is no form: application/x-www-form-urlencoded") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ExchangeError("a field is given twice")
    return fields
