"""Tools of MCP servers: `server.describe` asks one what it has, `mcp.<server>.<tool>` calls.

Rules
  1. A server that cannot be reached is UnavailableError: nothing was sent. Once a call was sent, no answer means `unknown`,
     whatever the reason: a time-out, a closed connection, an answer that the protocol does not allow.
  2. A result is content (texts; what is no text is named, not carried) and a structured part; together at most RESULT_BYTES.
  3. What became of a call is asked as the permit says (`lookup`): a value in its field is what was done, null or false there says
     that the server does not know it. Anything else says nothing, and then nobody can tell.
  4. What a server asks back (a sampling, an input of the user) is not given: the call has failed.

It knows neither manifests nor policy. The protocol's client is behind the port, which the composition root fills.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bridle.core.canonical import Json, as_mapping, digest
from bridle.core.errors import TrustError, UnavailableError
from bridle.delegate.effectors import EffectorContext, EffectorResult
from bridle.delegate.effectors.arguments import text_of
from bridle.dispatch.protocol import Task

RESULT_BYTES = 256 << 10
CUT = "… (cut: the result was longer)"


@dataclass(frozen=True)
class Called:
    """What a server answered. `status` is succeeded, failed (it says so) or unknown (no answer that can be read)."""

    status: str
    content: tuple[Json, ...] = ()
    structured: Json = None
    why: str = ""


class ToolServers(Protocol):
    """The MCP servers of this delegate."""

    async def describe(self, server: str) -> list[dict[str, Json]]:
        """Return its tools as {name, description, schema, hints}; raise UnavailableError, or InputError for an unknown server."""
        ...

    async def call(self, server: str, tool: str, arguments: Mapping[str, Json]) -> Called:
        """Call a tool; raise UnavailableError only when nothing was sent."""
        ...

    async def close(self) -> None: ...


class NoServers(ToolServers):
    """A delegate without servers."""

    async def describe(self, server: str) -> list[dict[str, Json]]:
        return []

    async def call(self, server: str, tool: str, arguments: Mapping[str, Json]) -> Called:
        return Called("failed", why=f"this delegate has no server {server}")

    async def close(self) -> None: ...


async def describe(task: Task, context: EffectorContext) -> EffectorResult:
    """List the tools of a server, each with the digest of what is said of it."""
    found = await context.servers.describe(text_of(task, "server"))
    tools: list[Json] = [{**said, "digest": digest(said)} for said in found]
    return EffectorResult("succeeded", {"tools": tools})


async def call(task: Task, context: EffectorContext) -> EffectorResult:
    """Call a tool, and return what the server answered."""
    server, tool = split_tool(task.request.tool)
    called = await context.servers.call(server, tool, task.request.arguments)
    return EffectorResult(called.status, _fit(called))


async def look_up(task: Task, context: EffectorContext) -> EffectorResult | None:
    """Ask the server what became of the call; None when it does not know it.

    Raise TrustError when nothing that can be asked was agreed on, UnavailableError when there is no answer.
    """
    agreed = task.permit.expect.get("lookup")
    if not isinstance(agreed, Mapping):
        raise TrustError("the decision names nothing that could be asked", reason="no-lookup")
    server, _ = split_tool(task.request.tool)
    tool = str(agreed["tool"])
    said = {item["name"]: digest(item) for item in await context.servers.describe(server)}
    if said.get(tool) != agreed["described"]:
        raise TrustError(
            f"{server} describes {tool} otherwise than when it was agreed on", reason="no-lookup"
        )
    called = await context.servers.call(server, tool, as_mapping(agreed["arguments"]))
    if called.status != "succeeded":
        raise UnavailableError(f"{server} does not say what became of it", reason="no-answer")
    result = _find_result(called.structured, str(agreed["found"]))
    return None if result is None else EffectorResult("succeeded", _fit(Called("succeeded", (), result)))


def _find_result(answer: Json, path: str) -> Json:
    """Return the object that holds the field; None where null or false says that there is none."""
    *way, field = path.split(".")
    for name in way:
        answer = _value_of(answer, name)
        if answer is None or answer is False:
            return None
    found = _value_of(answer, field)
    return None if found is None or found is False else answer


def _value_of(answer: Json, name: str) -> Json:
    if not isinstance(answer, Mapping) or name not in answer:
        raise UnavailableError(f"the answer has no {name}", reason="no-answer")
    return answer[name]


async def find_described(task: Task, context: EffectorContext) -> Json:
    """Return the digest of what the server says now of the task's tool, or None when it says nothing."""
    server, tool = split_tool(task.request.tool)
    said = {item["name"]: digest(item) for item in await context.servers.describe(server)}
    return said.get(tool)


def split_tool(name: str) -> tuple[str, str]:
    """Return the server and the tool of `mcp.<server>.<tool>`."""
    _, server, tool = name.split(".", 2)
    return server, tool


def _fit(called: Called) -> Json:
    value: dict[str, Json] = {"content": list(called.content), "structured": called.structured}
    if called.why:
        value["error"] = called.why
    if len(json.dumps(value)) <= RESULT_BYTES:
        return value
    texts = [str(item.get("text", "")) for item in called.content if isinstance(item, Mapping)]
    cut = "\n".join(texts)[: RESULT_BYTES // 8] + CUT  # a character may take six bytes in JSON
    return {"content": [{"type": "text", "text": cut}], "structured": None, "cut": True}
