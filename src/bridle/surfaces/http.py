"""The one HTTP server: puts the faces that speak HTTP together, on loopback, in the process that serves.

Rules
  1. It listens on loopback only: nothing here encrypts, and a token that crosses a network in the clear is everybody's.
  2. Its address is written to a file beside the store while it serves, so that commands can say where the door is.
  3. Signals are the command's: the server ends when it is told to.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from bridle.core.errors import UnavailableError
from bridle.operating.door import Door
from bridle.surfaces.mcp.door import PATH, build_mcp_app

HOST = "127.0.0.1"
ADDRESS_FILE = "door.json"
LARGEST_BODY = 1 << 20


class _Quiet(uvicorn.Server):
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
async def serve_http(door: Door, *, port: int, folder: Path, process: str) -> AsyncIterator[str]:
    """Serve until the block is left; yields the address of the door, which is noted in `folder` meanwhile.

    Raise UnavailableError when the port is taken.
    """
    mcp, running = build_mcp_app(door)
    asgi = Starlette(routes=[Mount("/", app=mcp)])
    config = uvicorn.Config(
        asgi, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=5
    )
    server = _Quiet(config)
    with _listening(port) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}{PATH}"
        async with running:
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
            try:
                await server.listens.wait()
                with _announced(folder / ADDRESS_FILE, url, process):
                    yield url
            finally:
                server.should_exit = True
                await serving


def find_door(data_dir: Path) -> str:
    """Return the address of the door of whoever serves on this store's machine, or an empty string."""
    try:
        return str(json.loads((data_dir / ADDRESS_FILE).read_text("utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


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
def _announced(path: Path, url: str, process: str) -> Iterator[None]:
    path.write_text(json.dumps({"url": url, "process": process}), "utf-8")
    try:
        yield
    finally:
        if find_process(path) == process:
            path.unlink(missing_ok=True)


def find_process(path: Path) -> str:
    """Return which process wrote an address file, or an empty string."""
    try:
        return str(json.loads(path.read_text("utf-8"))["process"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
