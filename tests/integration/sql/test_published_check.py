"""The doctor's look at what is published: nowhere, behind, and what is not of this journal."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bridle.adapters.shelves.folder import FolderShelf
from bridle.app import open_store
from bridle.core.settings import load_settings
from bridle.surfaces.cli.checks import State
from bridle.surfaces.cli.checks_published import check_published
from bridle.trust.journal import Entry, Kind
from bridle.trust.keys import load_secret, load_signer
from bridle.trust.log.publication import publish

ENTRY = Entry(Kind.STEP_STARTED, "exe_1", "a", {})


@pytest.fixture
def settings(tmp_path):
    return load_settings({"HOME": str(tmp_path), "BRIDLE_CHECKPOINTS": str(tmp_path / "published")})


@pytest.fixture
def keys(settings):
    load_signer(settings.config_dir / "delegate.key")
    for name in ("working.key", "redaction.key"):
        load_secret(settings.config_dir / name)


def write(settings, count, *, publishes=False):
    async def work():
        with open_store(settings) as store:
            await store.journal.append([ENTRY] * count)
            if publishes:
                await publish(store.journal, FolderShelf(Path(settings.checkpoints)))

    asyncio.run(work())


def look(settings):
    (check,) = check_published(settings)
    return check


def test_that_nothing_is_published_is_told(settings):
    assert "nowhere" in look(replace(settings, checkpoints="")).found
    assert look(settings).found == "nothing yet"


def test_how_far_it_lies_behind_is_told(settings, keys):
    write(settings, 2, publishes=True)
    write(settings, 1)
    assert look(settings).found.startswith("2 of 3 records")


def test_what_is_not_the_beginning_of_this_journal_fails(settings, keys, tmp_path):
    write(settings, 2, publishes=True)
    other = replace(settings, store_url=f"sqlite:///{tmp_path / 'other.db'}")
    write(other, 3)
    assert look(other).state is State.FAIL
