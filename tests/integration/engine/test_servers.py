"""An agent in a step that uses tools of servers: the same gate, and the engine waits for the person."""

from dataclasses import replace

import pytest

from bridle.core.canonical import digest
from bridle.gate.external import Described, Pin, build_manifest

from .test_agent_versions import AGENT

TOOL = "mcp.shop.pay"
SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}, "key": {"type": "string"}}}
ENTRY = {"effect": "consequential", "recovery": "keyed", "key": "key", "control": {"order": "id"}}


@pytest.fixture
async def shop(desk):
    """A server's tool, known to the gate."""
    words = {"name": "pay", "description": "Pay back", "schema": SCHEMA, "hints": {}}
    said = Described(**words, digest=digest(words))
    await desk.register(replace(desk.user, permissions=desk.user.permissions | {"mcp:*"}))
    desk.bench.manifests.put({TOOL: build_manifest(TOOL, ENTRY, Pin(TOOL, said, said))})


@pytest.fixture
def clerk(write_agent, tmp_path):
    write_agent()
    file = tmp_path / "agents" / "test.helper" / "1.0.0.md"
    text = file.read_text()
    assert "[file.read," in text
    file.write_text(text.replace("[file.read,", f"[{TOOL}, file.read,"))


async def test_a_call_that_changes_the_world_waits_for_a_person_and_carries_a_key(desk, shop, clerk, say):
    desk.delegate.turns = [say("", (TOOL, {"order": "A-1001"})), say("Done.")]
    execution = await desk.start(AGENT)
    answer = await desk.leg(execution, "a/b")
    assert answer["state"] == "waiting"
    (approval,) = await desk.bench.approvals.find(execution=execution.id)
    assert set(approval.shown["arguments"]) == {"order", "key"}
    assert TOOL not in [task.request.tool for task in desk.delegate.told]


async def test_after_a_yes_the_call_is_made_once(desk, shop, clerk, say):
    desk.delegate.turns = [say("", (TOOL, {"order": "A-1001"})), say("Done.")]
    execution = await desk.start(AGENT)
    await desk.leg(execution, "a/b")
    await desk.answer(execution, approved=True)
    assert (await desk.leg(execution, "a/b"))["state"] == "succeeded"
    assert [task.request.tool for task in desk.delegate.told].count(TOOL) == 1


async def test_an_agent_whose_server_nobody_knows_here_does_not_begin(desk, clerk, say):
    desk.delegate.turns = [say("Done.")]
    execution = await desk.start(AGENT)
    answer = await desk.leg(execution, "a/b")
    assert (answer["state"], desk.delegate.told) == ("failed", [])
    assert TOOL in answer["note"]
