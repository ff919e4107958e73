"""The delegate's client against a real server of the SDK: the sample's shop, as a process and over HTTP."""

import asyncio
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bridle.adapters.mcp.clients import McpServers
from bridle.core.canonical import canonical
from bridle.core.errors import InputError, UnavailableError
from bridle.delegate.servers import ToolServer, load_servers

SAMPLE = Path(__file__).parents[3] / "samples" / "refunds"
SHOP = replace(load_servers(SAMPLE / "servers.yaml")["shop"], command=(sys.executable, "shop.py"))


def no_secret(reference):
    raise AssertionError(f"{reference} was asked for")


@pytest.fixture
async def servers():
    opened = McpServers({"shop": SHOP}, resolve=no_secret)
    yield opened
    await opened.close()


async def test_a_server_is_described_called_and_says_that_it_failed(servers):
    tools = {tool["name"]: tool for tool in await servers.describe("shop")}
    assert tools["delete_order"]["hints"] == {"destructiveHint": True}
    assert "order_id" in tools["find_order"]["schema"]["properties"]
    found = await servers.call("shop", "find_order", {"order_id": "A-1001"})
    assert (found.status, found.structured["total"]) == ("succeeded", "49.90")
    assert (await servers.call("shop", "find_order", {"order_id": "none"})).status == "failed"


async def test_a_server_that_dies_under_a_call_leaves_it_unknown_and_is_started_again(tmp_path):
    program = tmp_path / "fragile.py"
    program.write_text(
        "import os\nfrom mcp.server.mcpserver import MCPServer\nserver = MCPServer('fragile')\n"
        "@server.tool()\ndef die() -> str:\n    os._exit(1)\n"
        "@server.tool()\ndef live() -> str:\n    return 'yes'\n"
        "server.run('stdio')\n"
    )
    opened = McpServers({"f": ToolServer("f", tmp_path, (sys.executable, str(program)))}, resolve=no_secret)
    try:
        assert (await opened.call("f", "die", {})).status == "unknown"
        assert (await opened.call("f", "live", {})).status == "succeeded"
    finally:
        await opened.close()


async def test_a_call_that_takes_too_long_is_unknown(tmp_path):
    program = tmp_path / "slow.py"
    program.write_text(
        "import time\nfrom mcp.server.mcpserver import MCPServer\nserver = MCPServer('slow')\n"
        "@server.tool()\ndef sleep() -> str:\n    time.sleep(60)\n    return 'late'\n"
        "server.run('stdio')\n"
    )
    slow = ToolServer("slow", tmp_path, (sys.executable, str(program)), timeout_s=1)
    opened = McpServers({"slow": slow}, resolve=no_secret)
    try:
        assert (await opened.call("slow", "sleep", {})).status == "unknown"
    finally:
        await opened.close()


async def test_a_server_that_is_not_there_was_sent_nothing(tmp_path):
    away = {
        "gone": ToolServer("gone", tmp_path, ("/nowhere/server",)),
        "silent": ToolServer("silent", tmp_path, url=f"http://127.0.0.1:{free_port()}/mcp"),
    }
    opened = McpServers(away, resolve=no_secret)
    for name in away:
        with pytest.raises(UnavailableError, match="does not answer"):
            await opened.call(name, "any", {})
    with pytest.raises(InputError, match="has no server 'other'"):
        await opened.call("other", "any", {})
    await opened.close()


async def test_credentials_are_given_to_the_server_and_to_nobody_else(tmp_path):
    program = tmp_path / "keyed.py"
    program.write_text(
        "import os\nfrom mcp.server.mcpserver import MCPServer\nserver = MCPServer('keyed')\n"
        "@server.tool()\ndef has() -> str:\n    return str(len(os.environ['KEY']))\n"
        "server.run('stdio')\n"
    )
    keyed = ToolServer("k", tmp_path, (sys.executable, str(program)), secrets={"KEY": "env:THE_KEY"})
    opened = McpServers({"k": keyed}, resolve={"env:THE_KEY": "abcdefg"}.__getitem__)
    try:
        called = await opened.call("k", "has", {})
        assert called.content[0]["text"] == "7"
    finally:
        await opened.close()


async def test_what_a_server_answers_can_always_be_written_down(tmp_path):
    program = tmp_path / "odd.py"
    program.write_text(
        "from mcp.server.mcpserver import MCPServer\nserver = MCPServer('odd')\n"
        "from typing import Any\n@server.tool()\ndef odd(rate: float) -> dict[str, Any]:\n"
        "    deep = []\n    for _ in range(50): deep = [deep]\n"
        "    return {'rate': rate, 'tiny': 1e-9, 'huge': 2**60, 'deep': deep}\n"
        "server.run('stdio')\n"
    )
    opened = McpServers({"o": ToolServer("o", tmp_path, (sys.executable, str(program)))}, resolve=no_secret)
    try:
        called = await opened.call("o", "odd", {"rate": 49.9})
        assert (called.status, called.structured["rate"]) == ("succeeded", 49.9)
        assert (called.structured["tiny"], called.structured["huge"]) == ("1e-09", str(2**60))
        canonical(called.structured)
    finally:
        await opened.close()


async def test_twenty_calls_at_once_share_one_connection(servers):
    calls = [servers.call("shop", "find_order", {"order_id": "A-1001"}) for _ in range(20)]
    assert {called.status for called in await asyncio.gather(*calls)} == {"succeeded"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
