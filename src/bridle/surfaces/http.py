"""The one HTTP server: puts the faces that speak HTTP together, on loopback, in the process that serves.

Rules
  1. It listens on loopback only: nothing here encrypts, and a token that crosses a network in the clear is everybody's.
  2. Its address is written to a file beside the store while it serves, one for each process, so that commands can say where the
     doors are. A file whose process is gone says nothing.
  3. A page that a browser shows can reach loopback too: whoever calls it by another name, or from another origin, is not served.
  4. What is sent to `/v1` is read as far as LARGEST_BODY, before anybody has said who they are: nobody fills the memory of the
     process that decides. The door has a limit of its own, and asks for the token first.
  5. Signals are the command's: the server ends when it is told to.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridle.core.errors import BridleError, InputError, TrustError, UnavailableError
from bridle.operating.cases.casework import Casework
from bridle.operating.door import Door
from bridle.operating.reception import Reception
from bridle.operating.session import Sessions
from bridle.surfaces.api.sessions import build_api
from bridle.surfaces.api.who import Ports
from bridle.surfaces.mcp.door import PATH, build_mcp_app
from bridle.trust.credentials import Authentication
from bridle.trust.exchange import Exchange

HOST = "127.0.0.1"
DOORS = "doors"
ANSWERS_WITHIN_S = 0.5
LARGEST_BODY = 1 << 20
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class House(Protocol):
    """What the faces stand on."""

    @property
    def door(self) -> Door: ...

    @property
    def reception(self) -> Reception: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def authentication(self) -> Authentication: ...

    @property
    def exchange(self) -> Exchange: ...

    @property
    def casework(self) -> Casework: ...


class _Faces:
    """Gives each request to the face whose path it has; the door answers for every other."""

    def __init__(self, mcp: ASGIApp, api: ASGIApp) -> None:
        self._mcp = mcp
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        complaint = _complain(Headers(scope=scope))
        if complaint is not None:
            await complaint(scope, receive, send)
        elif scope["path"].startswith("/v1/"):
            body = await _read_body(receive)
            face = self._api if body is not None else _TOO_LARGE
            await face(scope, _replay(body or b"", receive), send)
        else:
            await self._mcp(scope, receive, send)


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body of a request; None for one that is too large, of which no more is read."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return told.pop() if told else await receive()

    return again


def _complain(headers: Headers) -> JSONResponse | None:
    """Return the refusal of a request that came by another name, or from a page of another origin."""
    origin = headers.get("origin")
    if _host(f"//{headers.get('host', '')}") not in LOOPBACK:
        what, status = "this server answers to 127.0.0.1 and localhost alone", 421
    elif origin is not None and not (origin.startswith("http://") and _host(origin) in LOOPBACK):
        what, status = "a page of another origin is not served", 403
    else:
        return None
    return _refuse(TrustError(what, hint="call it directly", reason="other-origin"), status)


def _refuse(error: BridleError, status: int) -> JSONResponse:
    return JSONResponse(
        {**error.to_problem(), "status": status}, status, media_type="application/problem+json"
    )


_TOO_LARGE = _refuse(
    InputError(f"the request is larger than {LARGEST_BODY} bytes", hint="send less", reason="too-large"), 413
)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


class QuietServer(uvicorn.Server):
    """uvicorn without its signal handlers: whoever started it stops it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve_http(house: House, *, port: int, folder: Path, process: str) -> AsyncIterator[str]:
    """Serve until the block is left; yields the address of the door, which is noted in `folder` meanwhile.

    Raise UnavailableError when the port is taken.
    """
    with _listening(port) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}{PATH}"
        mcp, running = build_mcp_app(house.door)
        api = build_api(
            Ports(
                house.reception,
                house.sessions,
                house.authentication,
                house.exchange,
                house.casework,
                url,
            )
        )
        config = uvicorn.Config(
            _Faces(mcp, api),
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        server = QuietServer(config)
        async with running:
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
            try:
                await server.listens.wait()
                with _announced(folder / DOORS, url, process):
                    yield url
            finally:
                server.should_exit = True
                await serving


def find_doors(data_dir: Path) -> list[str]:
    """Return the addresses of those who serve this store's doors on this machine now, sorted."""
    notes = (_read_url(path) for path in (data_dir / DOORS).glob("*.json"))
    return sorted({url for url in notes if url and _answers(url)})


def _answers(url: str) -> bool:
    try:
        with socket.create_connection((HOST, urlsplit(url).port or 0), timeout=ANSWERS_WITHIN_S):
            return True
    except (OSError, ValueError):
        return False


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise UnavailableError(
                f"cannot listen on {HOST}:{port}: {error.strerror}",
                hint="give another --port, or 0 for any",
                reason="port-taken",
            ) from error
        yield listener


@contextmanager
def _announced(folder: Path, url: str, process: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{hashlib.sha256(process.encode()).hexdigest()[:32]}.json"
    path.write_text(json.dumps({"url": url, "process": process}), "utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _read_url(path: Path) -> str:
    """Return what an address file says, or an empty string where there is none that can be read: then nobody serves."""
    try:
        return str(json.loads(path.read_text("utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
