"""The refund of two systems with real servers: Bridle is killed between effect and outcome, and another process goes on."""

import asyncio
import json
import shutil
import time
from pathlib import Path

import pytest

from .test_door import call

SAMPLE = Path(__file__).parents[3] / "samples" / "refunds"
REFUND = {"order_id": "A-0001", "amount": "12.50"}


@pytest.fixture
def start(home):
    folder = shutil.copytree(SAMPLE, home.root / "shop")
    started = []

    def start_it():
        child = home.start("dev", "--servers", "two-systems.yaml", "--port", "0", "--json", cwd=folder)
        started.append(child)
        wait_for(lambda: '"serving"' in child.stdout, child)
        events = map(json.loads, child.stdout.splitlines())
        return child, next(event["door"] for event in events if event["event"] == "serving")

    yield start_it
    started[-1].kill(2)
    assert started[-1].wait() == 0, started[-1].stderr


def wait_for(condition, child):
    deadline = time.monotonic() + 60
    while not condition():
        assert child.poll() is None, child.stderr
        assert time.monotonic() < deadline, child.stderr
        time.sleep(0.05)


async def test_what_was_done_when_the_process_was_killed_is_found_and_not_done_again(home, start):
    folder = home.root / "shop"
    child, door = start()
    words = ("session", "open", "--agent", "acme.settler", "--purpose", "refund")
    inputs = [part for name, value in REFUND.items() for part in ("-i", f"{name}={value}")]
    _, session = home.bridle_json(*words, *inputs, cwd=folder)
    assert not (await call(session, "ledger__post_refund", **REFUND)).is_error
    (folder / ".refunds" / "faults").write_text("credit hang")
    lost = asyncio.create_task(call(session, "accounts__credit", **REFUND))
    accounts = folder / ".refunds" / "accounts.json"
    await asyncio.to_thread(wait_for, accounts.exists, child)
    child.kill(9)
    await asyncio.gather(lost, return_exceptions=True)

    _, door = await asyncio.to_thread(start)
    again = [
        await call({**session, "url": door}, tool, **REFUND)
        for tool in ("ledger__post_refund", "accounts__credit")
    ]
    assert [answer.structured_content["rule"] for answer in again] == ["recovery.done"] * 2
    assert len(json.loads(accounts.read_text())["A-0001"]) == 1
