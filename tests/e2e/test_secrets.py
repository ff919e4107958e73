"""A planted secret reaches neither the model nor any store.

Two are planted in a source file, beside the line that the repair changes, so that they come by in the file that the agent reads,
in the difference that it commits and in the one that a person is shown: the value of a key that the delegate's vault has given
out, and a token of a documented form that nobody knows. Where the file itself lies they are still: in the workspace, its
snapshots, and git. Everything else is searched, sealed values opened and encoded ones decoded.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridle.app import open_store
from support.commands import Bridle, Done, finish
from support.forks import Forks
from support.room import opened_room

KEY = "kQ7vT2mZx9Rb4LwYc8NdPf3H"
TOKEN = "ghp_" + "A7b8C9d0E1f2G3h4I5j6K7l8M9n0P1q2R3s4"
BESIDE = b"            newdt = other.replace(year=newyear"
PIPELINE = Path(__file__).parents[2] / "samples" / "autofix" / "pipeline.yaml"
CODED = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}")


@dataclass(frozen=True)
class Planted:
    """A finished run over a source that holds the secrets."""

    bridle: Bridle
    done: Done
    asked: bytes


@pytest.fixture(scope="module")
def planted(forks: Forks) -> Iterator[Planted]:
    with opened_room() as room:
        room.make_origin()
        line = f"            # the key is {KEY} and the token {TOKEN}, says a marker\n".encode()
        room.change("src/isodate/duration.py", BESIDE, line + BESIDE)
        bridle, asked = Bridle(forks, room), room.path / "asked"
        arguments = ["run", str(PIPELINE), "--input", f"repository={room.origin}", "--approve-as", "ana"]
        model = ["--model", "scripted:autofix/script.yaml", "--json"]
        job = {"arguments": arguments + model, "key": "env:BRIDLE_TEST_KEY", "asked": str(asked)}
        environment = {"BRIDLE_TEST_KEY": KEY}
        done = finish(bridle.start(call="e2e.jobs:with_key", argument=job, environment=environment))
        yield Planted(bridle, done, asked.read_bytes())


def find_secrets(data: bytes) -> list[str]:
    """Return which of the planted values are in `data`, as they are or behind base64."""
    decoded = b"\n".join(_decoded(data))
    return [
        name for name, value in (("key", KEY), ("token", TOKEN)) if value.encode() in data + b"\n" + decoded
    ]


def _decoded(data: bytes) -> Iterator[bytes]:
    for found in CODED.findall(data):
        text = found.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        if len(text) % 4 != 1:
            yield base64.b64decode(text + b"=" * (-len(text) % 4))


async def open_values(bridle: Bridle) -> dict[str, bytes]:
    """Return every sealed value of the working store, opened."""
    with open_store(bridle.room.settings) as store:
        records = await store.journal.read()
        return {
            f"{record.kind} {record.subject} {name}": await store.journal.reveal(record, name)
            for record in records
            for name in record.raw
        }


def test_the_run_ends_well_and_ships_the_file_with_the_secrets_in_it(planted: Planted) -> None:
    assert planted.done.code == 0, planted.done.said
    assert planted.bridle.room.main() == planted.bridle.room.pushes()[-1]


def test_the_search_finds_a_secret_in_plain_and_in_base64() -> None:
    hidden = json.dumps({"data": base64.b64encode(b"x" * 31 + TOKEN.encode()).decode()}).encode()
    assert (find_secrets(KEY.encode()), find_secrets(hidden)) == (["key"], ["token"])


def test_the_model_has_read_the_line_without_the_secrets(planted: Planted) -> None:
    assert (b"says a marker" in planted.asked, find_secrets(planted.asked)) == (True, [])


def test_no_file_of_a_store_holds_one(planted: Planted) -> None:
    stores = planted.bridle.room.stores()
    assert {"data/bridle.db", "data/bridle-engine.db"} <= set(stores)
    assert {name: found for name, data in stores.items() if (found := find_secrets(data))} == {}


def test_no_record_of_the_journal_holds_one(planted: Planted, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    planted.bridle("audit", "export", str(journal))
    assert b"says a marker" in journal.read_bytes()
    assert [line[:200] for line in journal.read_bytes().splitlines() if find_secrets(line)] == []


def test_no_sealed_value_holds_one(planted: Planted) -> None:
    values = asyncio.run(open_values(planted.bridle))
    assert any(b"says a marker" in value for value in values.values())
    assert {name: found for name, value in values.items() if (found := find_secrets(value))} == {}


def test_the_evidence_holds_none(planted: Planted) -> None:
    (evidence,) = (
        data for name, data in planted.bridle.room.stores().items() if name.startswith("data/evidence/")
    )
    assert find_secrets(evidence) == []


def test_nothing_that_was_printed_holds_one(planted: Planted) -> None:
    shown = planted.bridle("logs", planted.bridle.newest())
    assert (find_secrets(planted.done.said.encode()), find_secrets(shown.said.encode())) == ([], [])
