"""The door in the words of the protocol: a real client over HTTP, the real server of the SDK, a token in a header."""

import json
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from bridle.core.errors import InputError
from bridle.surfaces.cli.commands.session import choose_door
from bridle.surfaces.http import find_doors, serve_http

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@asynccontextmanager
async def served(scene):
    async with serve_http(scene, port=0, folder=scene.store.folder, process="here") as url:
        yield url


@asynccontextmanager
async def client(scene):
    """A client with the token of a session of its own."""
    opened = await scene.open()
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {opened.secret}"})
    async with (
        served(scene) as url,
        http,
        Client(streamable_http_client(url, http_client=http), cache=None) as agent,
    ):
        yield agent


async def test_a_client_lists_calls_is_refused_asks_and_is_let_through(scene):
    async with client(scene) as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert set(tools) == {
            "shop__find",
            "shop__pay",
            "shop__wipe",
            "shop__mail",
            "shop__give",
            "shop__note",
            "shop__peek",
            "bridle_plan",
        }
        assert "bridle_approval" in tools["shop__pay"].input_schema["properties"]
        assert "key" not in tools["shop__pay"].input_schema["properties"]

        found = await agent.call_tool("shop__find", {"order": "A-1001"})
        assert (found.is_error, found.structured_content) == (False, {"done": "find"})

        refused = await agent.call_tool("shop__nothing", {})
        assert refused.is_error
        assert refused.structured_content["rule"] == "tool.unknown"

        asked = await agent.call_tool("shop__pay", {"order": "A-1001"})
        approval = asked.structured_content["approval"]
        await scene.approve(approval)
        paid = await agent.call_tool("shop__pay", {"order": "A-1001", "bridle_approval": approval})
        assert (paid.is_error, len(scene.shop.paid)) == (False, 1)


async def test_an_approval_may_come_beside_the_arguments(scene):
    async with client(scene) as agent:
        asked = await agent.call_tool("shop__pay", {"order": "A-1001"})
        approval = asked.structured_content["approval"]
        await scene.approve(approval)
        paid = await agent.call_tool("shop__pay", {"order": "A-1001"}, meta={"bridle/approval": approval})
        assert not paid.is_error


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({}, "token-missing"),
        ({"Authorization": "Basic abc"}, "token-missing"),
        ({"Authorization": "Bearer brt_forged"}, "token-unknown"),
    ],
)
async def test_without_a_living_token_nothing_is_served(scene, header, reason):
    async with served(scene) as url, httpx2.AsyncClient() as http:
        answer = await http.post(
            url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=header
        )
    assert (answer.status_code, answer.json()["type"]) == (401, f"urn:bridle:problem:{reason}")
    assert answer.json()["status"] == 401


async def test_a_page_of_another_origin_is_not_served(scene):
    opened = await scene.open()
    headers = {
        "Authorization": f"Bearer {opened.secret}",
        "Host": "evil.example",
        "Origin": "http://evil.example",
    }
    async with served(scene) as url, httpx2.AsyncClient() as http:
        answer = await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers)
    assert answer.status_code in (403, 421)


async def test_the_address_is_noted_while_it_serves(scene):
    async with served(scene) as url:
        assert find_doors(scene.store.folder) == [url]
    assert find_doors(scene.store.folder) == []


async def test_two_doors_of_one_store_are_both_known_and_one_that_is_gone_is_not(scene):
    gone = {"url": "http://127.0.0.1:1/mcp", "process": "gone"}
    async with served(scene) as first:
        (scene.store.folder / "doors" / "gone.json").write_text(json.dumps(gone))
        async with serve_http(scene, port=0, folder=scene.store.folder, process="there") as second:
            assert find_doors(scene.store.folder) == sorted([first, second])
            with pytest.raises(InputError, match="2 doors are open") as caught:
                choose_door(scene.store.folder, "")
            assert caught.value.reason == "which-door"
            assert choose_door(scene.store.folder, second) == second


async def test_a_plan_is_proposed_and_what_is_none_is_said(scene):
    call = {"tool": "shop__pay", "arguments": {"order": "A-1001"}}
    async with client(scene) as agent:
        proposed = await agent.call_tool("bridle_plan", {"calls": [call], "why": "the customer asked"})
        odd = await agent.call_tool("bridle_plan", {"calls": [{**call, "bridle_approval": "apr_1"}]})
    told = proposed.structured_content
    assert (told["status"], told["calls"][0]["asked"]) == ("waiting", True)
    assert (odd.is_error, odd.structured_content["reason"]) == (True, "bad-plan")
