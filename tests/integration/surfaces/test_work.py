"""`bridle work` over a real store: listed, shown, settled once."""

import asyncio
import getpass
import json
from datetime import UTC, datetime

import pytest

from bridle.app import open_store
from bridle.core.settings import load_settings
from bridle.surfaces.cli import main
from bridle.trust.journal import Entry, Kind
from bridle.trust.work_items import ParkWork, WorkItem

BODY = {
    "kind": "unknown",
    "reason": "the connection was closed",
    "action": "sha256:1",
    "key": "ses_1/door#1",
    "tool": "mcp.shop.refund",
    "owner": "acme",
    "case": None,
    "offers": ["done", "not-done"],
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in ("DATA", "CONFIG", "WORK"):
        monkeypatch.setenv(f"BRIDLE_{name}_DIR", str(tmp_path / name.lower()))

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main.run([*map(str, words), "--json"])
        said = capsys.readouterr().out
        return ended.value.code, json.loads(said) if said else None

    return call


def park(item):
    async def write():
        with open_store(load_settings()) as store:
            entry = Entry(Kind.WORK_PARKED, "ses_1", item, BODY)
            guard = ParkWork(WorkItem(item, "ses_1", BODY["key"], datetime.now(UTC)))
            await store.journal.append([entry], [guard])

    asyncio.run(write())


def test_work_is_listed_shown_and_settled_once(run):
    run("principals", "list")
    park("wrk_1")
    _, listed = run("work", "list")
    assert [(one["id"], one["reason"]) for one in listed["work"]] == [("wrk_1", BODY["reason"])]
    assert run("work", "resolve", "wrk_1", "--as", "retry")[0] == 2
    code, settled = run("work", "resolve", "wrk_1", "--as", "done", "--comment", "the ledger has it")
    assert (code, settled["settled"]["answer"], settled["settled"]["by"]) == (
        0,
        "done",
        f"user:{getpass.getuser()}",
    )
    assert run("work", "resolve", "wrk_1", "--as", "not-done")[0] == 2
    assert run("work", "list")[1] == {"work": []}
    assert run("work", "show", "wrk_1")[1]["state"] == "settled"
    assert run("audit", "verify")[0] == 0
