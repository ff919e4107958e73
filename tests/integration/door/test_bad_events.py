"""Events that contradict each other, a clock that jumps, a disk that is full: nothing is done twice, and nothing unseen."""

import asyncio
from datetime import timedelta

import pytest

from bridle.trust.journal import Kind

from .conftest import describe_cashier

ENTRY = """
  refund:
    effect: consequential
    recovery: keyed
    key: key
    once: [order]
    risk: low
    arguments:
      required: [order, amount, key]
      properties: {order: {type: string}, amount: {type: string}, key: {type: string}}
    control: {order: id, amount: amount}
"""
AGENT = describe_cashier("mcp.shop.refund")
ONE = "limits: {changes-an-agent: off, targets-an-agent: off, one: {tools: [mcp.shop.refund], count: 1, within: 1h}}"

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
async def scene(scene):
    await scene.equip(AGENT, ENTRY, "refund")
    return scene


async def enter(scene):
    return await scene.enter(uses="acme.cashier@1.0.0")


async def refund(scene, caller, order="A-1", amount="12.50", door=None):
    return await (door or scene.door).call(caller, "shop__refund", {"order": order, "amount": amount})


async def test_of_events_that_contradict_each_other_about_one_order_one_is_done_and_the_other_denied(scene):
    callers = [await enter(scene) for _ in range(3)]
    amounts = ["12.50", "99.00", "0.01"]
    answers = await asyncio.gather(
        *(refund(scene, caller, amount=amount) for caller, amount in zip(callers, amounts, strict=True))
    )
    assert sorted(answer.status for answer in answers) == ["denied", "denied", "succeeded"]
    rules = {answer.told["rule"] for answer in answers if answer.told}
    assert rules <= {"recovery.open", "recovery.done"}
    assert len(scene.shop.called) == 1
    decided = await scene.store.journal.read(kinds=(Kind.DECIDED,))
    refused = [one for one in decided if one.body["effect"] == "deny"]
    assert len(refused) == 2  # both are on record


async def test_a_clock_that_jumps_past_the_token_s_end_lets_nothing_be_sent_that_was_allowed_before(
    scene, monkeypatch
):
    caller, append = await enter(scene), scene.store.journal.append

    async def append_and_jump(entries, guards=()):
        written = await append(entries, guards)
        if any(entry.kind is Kind.INTENDED for entry in entries):
            scene.clock.advance(timedelta(days=40))
        return written

    monkeypatch.setattr(scene.store.journal, "append", append_and_jump)
    assert (await refund(scene, caller)).status == "failed"
    assert scene.shop.called == []


async def test_a_clock_that_is_set_back_makes_no_room(scene, tmp_path):
    (tmp_path / "limits.yaml").write_text(ONE)
    caller = await enter(scene)
    assert (await refund(scene, caller)).status == "succeeded"
    scene.clock.advance(timedelta(days=-1))
    assert (await refund(scene, caller, "A-2")).told["rule"] == "limit.full"


class FullDisk:
    """Lets the store's file grow no more while it is `on`: SQLite itself says then that the disk is full."""

    def __init__(self, database):
        self._database, self._most = database, 1 << 30
        kept = database._with_kept
        database._with_kept = lambda use, work: kept(use, lambda connection: self._bounded(connection, work))

    def on(self):
        with self._database.engine.connect() as connection:
            self._most = connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def off(self):
        self._most = 1 << 30

    def _bounded(self, connection, work):
        connection.exec_driver_sql(f"PRAGMA max_page_count = {self._most}")
        return work(connection)


async def test_on_a_full_disk_nothing_is_sent_that_could_not_be_recorded_first(scene):
    caller, disk, answers = await enter(scene), FullDisk(scene.store.database), []
    disk.on()
    while len(answers) < 60 and (not answers or answers[-1].status == "succeeded"):
        answers.append(await refund(scene, caller, f"B-{len(answers)}"))
    assert answers[-1].status == "failed"
    disk.off()
    begun = [
        one for one in await scene.records(caller, Kind.INTENDED) if one.body["tool"] == "mcp.shop.refund"
    ]
    assert len(scene.shop.called) == len(begun)


async def test_what_was_sent_when_the_disk_became_full_is_sent_by_nobody_else(scene):
    opened = await scene.open(uses="acme.cashier@1.0.0")
    caller, disk = await scene.door.enter(opened.secret), FullDisk(scene.store.database)
    call, answers = scene.shop.call, []

    async def call_and_fill(server, tool, arguments):
        answered = await call(server, tool, arguments)
        disk.on()  # the outcome cannot be recorded, once no page has room for it
        return answered

    scene.shop.call = call_and_fill
    while len(answers) < 60 and (not answers or answers[-1].status == "succeeded"):
        answers.append(await refund(scene, caller, f"C-{len(answers)}"))
        disk.off()
    assert (answers[-1].status, answers[-1].told["reason"]) == ("unknown", "outcome-not-recorded")
    scene.shop.call, other = call, scene.another("there")
    again = await refund(scene, await other.enter(opened.secret), f"C-{len(answers) - 1}", door=other)
    assert again.told["rule"] == "recovery.open"
    orders = [arguments["order"] for _, arguments in scene.shop.called]
    assert orders == [f"C-{number}" for number in range(len(answers))]
