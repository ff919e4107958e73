"""What the interface stands on, and who sends a request: the principal of its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from bridle.core.errors import TrustError
from bridle.operating.cases.casework import Casework
from bridle.operating.reception import Reception
from bridle.operating.session import Sessions
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import Exchange
from bridle.trust.principals import Principal


@dataclass(frozen=True)
class Ports:
    """What the interface stands on; `door` is the address of the MCP endpoint."""

    reception: Reception
    sessions: Sessions
    authentication: Authentication
    exchange: Exchange
    casework: Casework
    door: str


def find_ports(request: Request) -> Ports:
    """Return what the application was built with."""
    ports = request.app.state.ports
    assert isinstance(ports, Ports)
    return ports


async def authenticate(
    ports: Annotated[Ports, Depends(find_ports)], authorization: Annotated[str, Header()] = ""
) -> Principal:
    """Return whose key a request carries; raise TrustError for none, or one that is not known."""
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer":
        raise TrustError("there is no key", hint="send Authorization: Bearer brk_…", reason="key-missing")
    return await ports.authentication.authenticate(key.strip())
