"""MCP servers through the official SDK: one connection a server, kept open, made again when it breaks.

Rules
  1. A connection lives in a task of its own, since the SDK's contexts have to be left in the task that entered them.
  2. What a server says of its tools is read when it is connected, when it says that they changed, and after DESCRIBED_FOR_S.
  3. Once a call was sent, every failure to read its answer is `unknown`. A server's own error is `failed`.
  4. Requests of a server (sampling, elicitation, roots) are refused by giving the SDK no way to answer them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TextIO

import mcp_types as types
from mcp import MCPError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT
from pydantic import ValidationError

from bridle.core.canonical import Json, canonical
from bridle.core.errors import BridleError, InputError, UnavailableError
from bridle.delegate.effectors.server import Called, ToolServers
from bridle.delegate.servers import ToolServer

CONNECT_S = 20.0
DESCRIBED_FOR_S = 30.0
MAX_TOOLS = 1000
DEEPEST = 32
LARGEST_DESCRIPTION = 64 << 10
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
NO_ANSWER = frozenset({CONNECTION_CLOSED, REQUEST_TIMEOUT})
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")

log = logging.getLogger("bridle.servers")


class McpServers(ToolServers):
    """Implements `delegate.effectors.server.ToolServers`. `resolve` turns a secret reference into its value; in `logs`
    lies what each server writes to its standard error."""

    def __init__(
        self, servers: Mapping[str, ToolServer], *, resolve: Callable[[str], str], logs: Path | None = None
    ) -> None:
        self._connections = {name: _Connection(server, resolve, logs) for name, server in servers.items()}

    async def describe(self, server: str) -> list[dict[str, Json]]:
        return await self._find(server).describe()

    async def call(self, server: str, tool: str, arguments: Mapping[str, Json]) -> Called:
        return await self._find(server).call(tool, arguments)

    async def close(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections.values()))

    def _find(self, server: str) -> _Connection:
        if server not in self._connections:
            named = ", ".join(sorted(self._connections)) or "none"
            raise InputError(
                f"this delegate has no server {server!r}",
                hint=f"its file of servers names {named}",
                reason="no-such-server",
            )
        return self._connections[server]


class _Connection:
    def __init__(self, server: ToolServer, resolve: Callable[[str], str], logs: Path | None) -> None:
        self._server = server
        self._logs = logs
        self._resolve = resolve
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._leave = asyncio.Event()
        self._described: list[dict[str, Json]] = []
        self._described_at = 0.0

    async def describe(self) -> list[dict[str, Json]]:
        client = await self._connected()
        async with self._lock:
            if time.monotonic() - self._described_at > DESCRIBED_FOR_S:
                try:
                    found = map(_describe, await _list_tools(client, self._server.timeout_s))
                    name = self._server.name
                    self._described = [said for said in found if _is_sane(said, server=name)]
                except (MCPError, ValidationError, OSError, TimeoutError) as error:
                    self._broken()
                    raise self._away(error) from error
                self._described_at = time.monotonic()
            return self._described

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> Called:
        client = await self._connected()
        plain = json.loads(json.dumps(arguments, default=dict))
        try:
            result = await client.session.call_tool(
                tool, plain, read_timeout_seconds=self._server.timeout_s, allow_input_required=True
            )
        except MCPError as error:
            if error.code in NO_ANSWER:
                self._broken()
                return Called("unknown", why=f"no answer: {error.message}")
            return Called("failed", why=error.message)
        except Exception as error:  # sent, and whatever went wrong since: nobody can tell what was done
            self._broken()
            log.warning("%s: the answer of %s cannot be read", self._server.name, tool, exc_info=error)
            return Called("unknown", why=f"the answer cannot be read: {type(error).__name__}")
        if not isinstance(result, types.CallToolResult):
            return Called("failed", why="the server asked for something back, and nothing is given")
        content = tuple(_block(block) for block in result.content)
        return Called(
            "failed" if result.is_error else "succeeded", content, _exact(result.structured_content)
        )

    async def close(self) -> None:
        if self._task is not None:
            self._leave.set()
            await asyncio.wait([self._task])
            self._task = None

    async def _connected(self) -> Client:
        async with self._lock:
            if self._client is not None and self._task is not None and not self._task.done():
                return self._client
            await self.close()
            self._leave = asyncio.Event()
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._described_at = 0.0
            self._task = asyncio.create_task(self._hold(ready), name=f"server-{self._server.name}")
            try:
                client = await asyncio.wait_for(asyncio.shield(ready), CONNECT_S)
            except BridleError:
                raise
            except (Exception, asyncio.CancelledError) as error:
                self._task.cancel()
                if isinstance(error, asyncio.CancelledError):
                    raise
                raise self._away(error) from error
            self._client = client
            return client

    async def _hold(self, ready: asyncio.Future[Client]) -> None:
        """Enter the connection, hand it over, and leave it when it is told to."""
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await self._make(stack))
                ready.set_result(client)
                await self._leave.wait()
        except Exception as error:
            if ready.done():
                log.info("%s: the connection ended: %s", self._server.name, error)
            else:
                ready.set_exception(error)
        finally:
            self._client = None

    async def _make(self, stack: AsyncExitStack) -> Client:
        server = self._server
        secrets = {name: self._resolve(reference) for name, reference in server.secrets.items()}
        if server.command:
            parameters = StdioServerParameters(
                command=server.command[0],
                args=list(server.command[1:]),
                env={"PATH": _own_first(), **server.env, **secrets},
                cwd=server.folder,
            )
            transport: Any = stdio_client(parameters, errlog=await self._open_log(stack))
        else:
            http = await stack.enter_async_context(create_mcp_http_client(headers=secrets))
            transport = streamable_http_client(server.url, http_client=http)
        return Client(transport, cache=None, message_handler=self._hear)

    async def _open_log(self, stack: AsyncExitStack) -> TextIO:
        """Return where the server's own words go: never to a terminal, which they could repaint."""
        if self._logs is None:
            return stack.enter_context(open(os.devnull, "w"))  # noqa: ASYNC230, PTH123 - no file is touched
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._logs / f"{self._server.name}.log"
        return stack.enter_context(await asyncio.to_thread(path.open, "a", encoding="utf-8"))

    async def _hear(self, message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self._described_at = 0.0

    def _broken(self) -> None:
        """Have the next use connect anew."""
        self._leave.set()
        self._client = None

    def _away(self, error: BaseException) -> UnavailableError:
        while isinstance(
            error, BaseExceptionGroup
        ):  # what failed is inside, and the group says nothing of it
            error = error.exceptions[0]
        name = self._server.name
        return UnavailableError(
            f"the server {name!r} does not answer: {str(error)[:200] or type(error).__name__}",
            hint=f"see that it runs; what a command writes is in servers/{name}.log of the data folder",
            reason="server-away",
        )


def _own_first() -> str:
    """Return the search path of a command: `python` is the interpreter of the delegate itself."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


async def _list_tools(client: Client, timeout_s: float) -> list[types.Tool]:
    tools: list[types.Tool] = []
    cursor = None
    async with asyncio.timeout(timeout_s):
        while len(tools) < MAX_TOOLS:
            page = await client.list_tools(cursor=cursor)
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None:
                break
    return tools


def _describe(tool: types.Tool) -> dict[str, Json]:
    hints = tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else {}
    return {
        "name": tool.name,
        "description": tool.description or "",
        "schema": tool.input_schema,
        "hints": {name: hints[name] for name in HINTS if name in hints},
    }


def _is_sane(said: Mapping[str, Any], *, server: str) -> bool:
    """True for what can be a tool; what cannot is left out and logged, and takes no other tool of its server along."""
    try:
        sane = bool(NAME.fullmatch(str(said["name"]))) and len(canonical(dict(said))) <= LARGEST_DESCRIPTION
        sane = sane and _exact(said["schema"]) == said["schema"]
    except InputError:
        sane = False
    if not sane:
        log.warning("%s: a tool is left out, its name or its schema is none: %.80r", server, said["name"])
    return sane


def _exact(value: Any, depth: int = 0) -> Json:
    """Return a value in which all has an exact form: a number without one is told as a text, and what lies too deep is cut."""
    if depth > DEEPEST:
        return "(nested too deep: not carried)"
    if isinstance(value, dict):
        return {str(name): _exact(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item, depth + 1) for item in value]
    try:
        canonical(value)
    except InputError:
        return str(value).encode("utf-8", "replace").decode()
    return value  # type: ignore[no-any-return]


def _block(block: types.ContentBlock) -> Json:
    if isinstance(block, types.TextContent):
        return {"type": "text", "text": _exact(block.text)}
    return {"type": "text", "text": f"({block.type}: not carried)"}
