"""A witness's folder: what it remembers between looks, and that what it refused is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridle.adapters.shelves.folder import FolderShelf
from bridle.app.witnessing import witness_once
from bridle.core.errors import InputError
from bridle.trust.log.witness import WitnessError
from unit.trust.log.test_witness import longer, published
from unit.trust.story import CONTROL_PLANE, Story, tell


def put(folder: Path, story: Story) -> None:
    for name, data in published(story).files.items():
        FolderShelf(folder).write(name, data)


def test_it_goes_on_from_what_it_saw_and_records_what_it_refuses(tmp_path: Path) -> None:
    folder, state = tmp_path / "published", tmp_path / "witness"
    put(folder, longer(tell()))
    first = witness_once(folder, state=state, trusted=CONTROL_PLANE.verifier, name="w")
    again = witness_once(folder, state=state, trusted=None, name="w")
    assert (first["added"], again["added"]) == (17, 0)
    put(folder, tell())
    with pytest.raises(WitnessError):
        witness_once(folder, state=state, trusted=CONTROL_PLANE.verifier, name="w")
    (refusal,) = map(json.loads, (state / "refusals.jsonl").read_text("utf-8").splitlines())
    assert "rolled back" in refusal["reason"]
    assert refusal["checkpoint"] == (folder / "checkpoint").read_text("utf-8")


def test_a_new_witness_has_to_be_told_the_journals_key(tmp_path: Path) -> None:
    put(tmp_path / "published", tell())
    with pytest.raises(InputError, match="--key"):
        witness_once(tmp_path / "published", state=tmp_path / "witness", trusted=None, name="w")
