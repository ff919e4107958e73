"""Personal data in calls of servers: masked in every record, whole for the agent, for origins, and when it is told again."""

import json
from dataclasses import replace

import pytest

from bridle.delegate.effectors import EffectorResult
from bridle.delegate.worker import Worker
from bridle.delegate.workspace import Workspaces
from bridle.gate.action import Asked, Done
from bridle.gate.gate import Gate
from integration.delegate.bench import FakeSandbox, build_bench
from integration.gate.test_origins import ORDER, visit  # noqa: F401 - a fixture

MAIL = "jane@example.com"


@pytest.fixture
def shop(visit, store, tmp_path, monkeypatch):  # noqa: F811 - the fixture
    """The visit, its calls carried out by a real worker whose server answers with the order."""
    bench = build_bench(Workspaces(tmp_path / "work"), FakeSandbox())

    async def answer(task, context):
        found = task.request.tool.endswith("get_order")
        return EffectorResult("succeeded", {"content": [], "structured": ORDER if found else {"sent": True}})

    async def lives(secret, token_id):
        return True

    async def as_agreed(task, context):
        return ""  # what the manifest of the test says that the server says

    monkeypatch.setattr("bridle.delegate.worker.find_described", as_agreed)
    worker = Worker(
        name=visit.scene.delegate.name,
        context=bench.context,
        effectors={"mcp.*": answer},
        look_ups={},
        signer=visit.scene.delegate.signer,
        control_plane=store.signer.verifier,
        token_lives=lives,
    )
    visit.scene.gate = Gate(replace(visit.scene.ports, delegate=worker))
    return visit


async def test_no_record_holds_what_the_agent_and_its_origins_need(shop, store):
    found = await shop.call("get_order", order_id="ORD-1")
    sent = await shop.call("send", to=MAIL, body="Done.")
    assert isinstance(sent, Done), sent  # the record's address vouches for it
    assert found.value["structured"] == ORDER
    records = await store.journal.read(execution="ses_1")
    assert [one.kind for one in records if MAIL.encode() in one.data] == []
    assert any(b"[personal:mail:" in one.data for one in records)


async def test_no_rule_repeats_what_it_asks_about(shop, store):
    asked = await shop.call("send", to="eve@evil.org", body="Pay eve@evil.org")
    assert isinstance(asked, Asked)
    records = await store.journal.read(execution="ses_1")
    assert [one.kind for one in records if b"eve@evil.org" in one.data] == []


async def test_after_a_restart_the_agent_is_told_the_same(shop, store):
    action = shop.action("get_order", order_id="ORD-1")
    first = await shop.scene.gate.perform(action)
    again = await shop.scene.gate.perform(action)
    assert (again.value, again.record) == (first.value, first.record)
    assert again.value["structured"] == ORDER


async def test_what_holds_none_is_recorded_as_it_is(shop, store):
    await shop.call("update", order_id="ORD-1")
    records = await store.journal.read(execution="ses_1")
    assert not any("private" in one.raw or "request" in one.raw for one in records if one.subject != "ses_1")


async def test_only_the_working_store_has_it_sealed(shop, store):
    await shop.call("get_order", order_id="ORD-1")
    records = await store.journal.read(execution="ses_1")
    outcome = next(one for one in records if "private" in one.raw)
    assert json.loads(await store.journal.reveal(outcome, "private"))["structured"] == ORDER
