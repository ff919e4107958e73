"""What a call through the door costs: one tool that only reads, by the SDK's client over streamable HTTP, on loopback.

    python bench/door.py [ROUNDS] [--gateway PYTHON]

Each lane is called in turn in the same run, one call after the other and then EIGHT at once; ratios are to the direct call.

    direct     client -> server
    door       client -> bridle dev (token, policy, two synced records, delegate) -> server
    gateway    client -> mcp-contextforge-gateway -> server; only with the Python of an environment that has it

It asserts nothing. `bridle dev` runs with a store and keys of its own, in a temporary folder.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

EIGHT = 8
WARM_UP = 20
PATIENCE_S = 90.0
SERVER = """
import sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("shop")
@server.tool()
def find(order: str) -> dict[str, str]:
    "Find an order."
    return {"order": order, "total": "49.90"}
server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]), stateless_http=True, json_response=True)
"""
MANIFEST = "server: shop\ntools: {find: {effect: read, recovery: read, risk: low}}\n"
AGENT = "---\nname: bench.reader\nversion: 1.0.0\nowner: bench\npurpose: support\ntools: [mcp.shop.find]\n---\nRead.\n"
SECRET = "a-secret-of-this-bench-and-of-nothing-else"  # noqa: S105 - the gateway wants one, on loopback, for a minute


async def run(rounds: int, gateway: str) -> None:
    """Start the lanes, measure them, print."""
    with tempfile.TemporaryDirectory(prefix="bridle-bench-") as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            server = f"http://127.0.0.1:{stack.enter_context(started_server(folder))}/mcp"
            url, token = stack.enter_context(started_door(folder, server))
            lanes = {"direct": (await connect(stack, server, ""), "find")}
            lanes["door"] = (await connect(stack, url, token), "shop__find")
            if gateway:
                url, token = await stack.enter_async_context(started_gateway(folder, gateway, server))
                lanes["gateway"] = (await connect(stack, url, token), await find_tool(stack, url, token))
            await measure(lanes, rounds)


async def measure(lanes: Mapping[str, tuple[Client, str]], rounds: int) -> None:
    """Call each lane in turn, so that what else the machine does meets them all."""
    alone: dict[str, list[float]] = {name: [] for name in lanes}
    together: dict[str, list[float]] = {name: [] for name in lanes}
    for number in range(rounds + WARM_UP):
        for name, (client, tool) in lanes.items():
            taken = await timed(call(client, tool))
            if number >= WARM_UP:
                alone[name].append(taken)
    for _ in range(max(rounds // EIGHT, 5)):
        for name, (client, tool) in lanes.items():
            together[name].append(
                await timed(asyncio.gather(*(call(client, tool) for _ in range(EIGHT)))) / EIGHT
            )
    print(f"{'lane':<10}{'p50 ms':>9}{'p90 ms':>9}{'ratio':>8}{'calls/s at once':>18}{'ratio':>8}")
    base, base_rate = statistics.median(alone["direct"]), 1 / statistics.median(together["direct"])
    for name in lanes:
        p50, p90 = statistics.median(alone[name]), statistics.quantiles(alone[name], n=10)[8]
        rate = 1 / statistics.median(together[name])
        print(
            f"{name:<10}{p50 * 1e3:>9.2f}{p90 * 1e3:>9.2f}{p50 / base:>8.1f}{rate:>18.0f}{rate / base_rate:>8.2f}"
        )


async def call(client: Client, tool: str) -> None:
    result = await client.session.call_tool(tool, {"order": "A-1001"})
    if result.is_error:
        raise SystemExit(f"{tool}: {result.content}")


async def timed(work: Any) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def connect(stack: AsyncExitStack, url: str, token: str) -> Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
    client = Client(streamable_http_client(url, http_client=http), cache=None)
    return await stack.enter_async_context(client)


async def find_tool(stack: AsyncExitStack, url: str, token: str) -> str:
    """Return the gateway's own name of the tool."""
    client = await connect(stack, url, token)
    return next(tool.name for tool in (await client.list_tools()).tools if tool.name.endswith("find"))


@contextmanager
def started_server(folder: Path) -> Iterator[int]:
    program, port = folder / "server.py", free_port()
    program.write_text(SERVER)
    with running([sys.executable, str(program), str(port)], {}):
        wait_for(port)
        yield port


@contextmanager
def started_door(folder: Path, server: str) -> Iterator[tuple[str, str]]:
    """Serve the door in a process of its own; yields its address and a token."""
    (folder / "tools").mkdir()
    (folder / "tools" / "shop.yaml").write_text(MANIFEST)
    (folder / "servers.yaml").write_text(f"servers: {{shop: {{url: '{server}'}}}}\n")
    (folder / "agents" / "bench.reader").mkdir(parents=True)
    (folder / "agents" / "bench.reader" / "1.0.0.md").write_text(AGENT)
    environ = {f"BRIDLE_{what}_DIR": str(folder / what.lower()) for what in ("DATA", "CONFIG", "WORK")}
    bridle, port = [sys.executable, "-m", "bridle"], free_port()
    with running([*bridle, "dev", "--port", str(port), "--json"], environ, cwd=folder):
        wait_for(port)
        words = ["session", "open", "--agent", "bench.reader", "--purpose", "support", "--json"]
        opened = subprocess.run(
            [*bridle, *words], env={**os.environ, **environ}, cwd=folder, capture_output=True, check=True
        )
        yield f"http://127.0.0.1:{port}/mcp", json.loads(opened.stdout)["token"]


@asynccontextmanager
async def started_gateway(folder: Path, python: str, server: str) -> AsyncIterator[tuple[str, str]]:
    """Serve the other gateway with the same server behind it, as its own documents say."""
    port = free_port()
    environ = {
        "DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        "JWT_SECRET_KEY": SECRET,
        "AUTH_ENCRYPTION_SECRET": SECRET,
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "LOG_LEVEL": "ERROR",
        "RATE_LIMITING_ENABLED": "false",
        "TOOL_RATE_LIMIT": "1000000",
        "USE_STATEFUL_SESSIONS": "false",
        "JSON_RESPONSE_ENABLED": "true",
    }
    token = make_token()
    words = [python, "-m", "uvicorn", "mcpgateway.main:app", "--port", str(port), "--log-level", "error"]
    with running(words, environ, cwd=folder):
        wait_for(port)
        base = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
            wanted = {"name": "shop", "url": server, "transport": "STREAMABLEHTTP"}
            answer = await http.post(f"{base}/gateways", json=wanted)
            if answer.status_code >= 300:
                raise SystemExit(
                    f"the gateway does not take the server: {answer.status_code} {answer.text[:400]}"
                )
        yield f"{base}/mcp/", token


def make_token() -> str:
    """Return a token of the other gateway's administrator."""
    now = int(time.time())
    claims = {
        "sub": "admin@example.com", "iat": now, "exp": now + 3600, "jti": "bench", "iss": "mcpgateway",
        "aud": "mcpgateway-api", "is_admin": True, "teams": None, "user": {"email": "admin@example.com", "is_admin": True},
    }  # fmt: skip
    parts = [_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.new(SECRET.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _encode(signature)])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running(words: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(words, env={**os.environ, **environ}, cwd=cwd, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on {port} after {PATIENCE_S:.0f} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    given = sys.argv[1:]
    other = given[given.index("--gateway") + 1] if "--gateway" in given else ""
    counts = [word for word in given if word.isdigit()]
    asyncio.run(run(int(counts[0]) if counts else 200, other))
