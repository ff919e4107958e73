"""The door from the command line: a server, a session, a verdict, as a stranger would type them."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from bridle.core.errors import InputError
from bridle.surfaces.cli.commands.session import _doubt, _read

SAMPLE = Path(__file__).parents[3] / "samples" / "refunds"
PAY = {"order_id": "A-1001", "amount": "49.90"}
SESSION = ("session", "open", "--agent", "acme.refunds", "--purpose", "refund")


@pytest.fixture
def shop(home):
    return shutil.copytree(SAMPLE, home.root / "shop")


@pytest.fixture
def served(home, shop):
    child = home.start("dev", "--port", "0", "--json", cwd=shop)
    deadline = time.monotonic() + 60
    while '"serving"' not in child.stdout:
        assert child.poll() is None, child.stderr
        assert time.monotonic() < deadline, child.stderr
        time.sleep(0.05)
    yield next(event for event in map(json.loads, child.stdout.splitlines()) if event["event"] == "serving")
    child.kill(2)
    assert child.wait() == 0, child.stderr


async def call(session, tool, **arguments):
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {session['token']}"})
    async with http, Client(streamable_http_client(session["url"], http_client=http), cache=None) as client:
        return await client.call_tool(tool, arguments)


async def test_an_agent_asks_is_let_through_once_and_is_sent_away(home, shop, served):
    code, session = home.bridle_json(*SESSION, cwd=shop)
    assert (code, session["url"]) == (0, served["door"])
    asked = await call(session, "shop__delete_order", order_id="A-2002")
    approval = asked.structured_content["approval"]
    code, given = home.bridle_json("approve", approval, "--as", "ana")
    assert (code, given["session"]) == (0, session["session"])
    done = await call(session, "shop__delete_order", order_id="A-2002", bridle_approval=approval)
    assert not done.is_error
    again = await call(session, "shop__delete_order", order_id="A-2002", bridle_approval=approval)
    assert again.structured_content["status"] == "waiting"
    assert home.bridle("session", "close", session["session"]).returncode == 0
    headers = {"Authorization": f"Bearer {session['token']}"}
    async with httpx2.AsyncClient() as http:
        assert (await http.post(session["url"], json={}, headers=headers)).status_code == 401
    assert home.bridle("audit", "verify").returncode == 0


def test_the_sample_pays_what_was_asked_for_and_asks_about_the_rest(home, shop, served):
    opened = home.bridle(*SESSION, "-i", "order_id=A-1001", "-i", "amount=49.90", "--export", cwd=shop)
    words = [line.removeprefix("export ").partition("=") for line in opened.stdout.splitlines()]
    environ = {**home.environ, **{name: value.strip("'") for name, _, value in words}}
    ran = subprocess.run(
        [sys.executable, "agent.py"], cwd=shop, env=environ, capture_output=True, text=True, check=True
    )
    outcomes = [line.split()[0] for line in ran.stdout.splitlines()[1:]]
    assert outcomes == ["done", "done", "done", "denied", "denied", "waiting", "waiting", "denied"]
    shown = home.bridle_json("session", "show", environ["BRIDLE_SESSION"])[1]
    told = [(call["decision"], call["outcome"]) for call in shown["calls"]]
    assert told == [("allow", "succeeded")] * 3 + [("deny", "")] * 2 + [("ask", "")] * 2 + [("deny", "")]


def test_tools_are_listed_with_what_is_known_of_them(home, shop):
    code, tools = home.bridle_json("tools", "list", cwd=shop)
    assert code == 0
    known = {tool["tool"]: tool["effect"] for tool in tools}
    assert known["mcp.shop.find_order"] == "read"
    assert known["mcp.shop.send_mail"] == "consequential"  # it has no entry


def test_a_session_without_a_server_says_what_to_start(home, shop):
    opened = home.bridle(*SESSION, "--json", cwd=shop)
    assert json.loads(opened.stdout)["url"] is None
    assert "bridle dev" in opened.stderr


def test_a_port_that_is_taken_is_said(home, shop, served):
    port = served["door"].split(":")[2].split("/")[0]
    second = home.bridle("dev", "--port", port, cwd=shop)
    assert second.returncode == 5
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr


def test_a_request_that_is_data_is_refused(tmp_path):
    """Its words would stand in quotation marks, and vouch for nothing."""
    (tmp_path / "request.json").write_text('{"text": "Refund A-1001 by 49.90 EUR"}')
    with pytest.raises(InputError, match="data, not a person's words"):
        _read(tmp_path / "request.json", [])


def test_whoever_asks_in_words_that_vouch_for_nothing_is_told(tmp_path):
    (tmp_path / "request.txt").write_text("Erstatte A-1001 mit 49,90 EUR")
    assert "not English" in _doubt(_read(tmp_path / "request.txt", []))
    assert not _doubt(_read(None, ["order_id=A-1001"]))
