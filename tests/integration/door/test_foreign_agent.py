"""A real coding agent of somebody else's, with a model that a test wrote: it works, is refused, asks, and is let through."""

import asyncio
import os
import re

import pytest

from bridle.surfaces.http import serve_http
from support.responses_model import FakeResponsesModel

codex_cli_bin = pytest.importorskip("codex_cli_bin", reason="no build of the agent for this machine")

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
CONFIG = """
model = "gpt-5"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{model}"
wire_api = "responses"
env_key = "MODEL_KEY"
request_max_retries = 0
stream_max_retries = 0
[mcp_servers.bridle]
url = "{door}"
bearer_token_env_var = "BRIDLE_TOKEN"
required = true
startup_timeout_sec = 30
default_tools_approval_mode = "approve"
"""


async def run_codex(folder, *, model, door, secret):
    """Run the agent once, without a person; return what it printed."""
    home = folder / "codex"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(CONFIG.format(model=model, door=door))
    process = await asyncio.create_subprocess_exec(
        str(codex_cli_bin.bundled_codex_path()),
        *(
            "exec",
            "--json",
            "--skip-git-repo-check",
            "--dangerously-bypass-approvals-and-sandbox",
            "Pay it back",
        ),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CODEX_HOME": str(home),
            "MODEL_KEY": "none",
            "BRIDLE_TOKEN": secret,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


async def test_codex_works_is_refused_asks_and_is_let_through(scene, tmp_path):
    told = []

    def call(tool, **arguments):
        def turn(results):
            told[:] = results
            return {"tool": tool, "arguments": arguments}

        return turn

    def end(results):
        told[:] = results
        return {"text": "I have done what I may."}

    turns = [
        call("shop__find", order="A-1001"),
        call("shop__pay", order="A-1001", note="and all others"),
        call("shop__pay", order="A-1001"),
        end,
    ]
    secret = (await scene.open()).secret
    async with serve_http(scene, port=0, folder=tmp_path, process="here") as door:
        model = FakeResponsesModel(turns, namespace="mcp__bridle")
        async with model.served() as base:
            await run_codex(tmp_path, model=base, door=door, secret=secret)
        found, refused, asked = told
        assert "find" in found
        assert "tool.arguments" in refused
        approval = re.search(r"apr_[0-9a-z]{26}", asked)[0]
        assert scene.shop.paid == {}

        await scene.approve(approval)
        model = FakeResponsesModel(
            [call("shop__pay", order="A-1001", bridle_approval=approval), end], namespace="mcp__bridle"
        )
        async with model.served() as base:
            await run_codex(tmp_path, model=base, door=door, secret=secret)
    assert "pay" in told[0]
    assert list(scene.shop.paid.values()) == ["A-1001"]
