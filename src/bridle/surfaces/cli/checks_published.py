"""The check of where the journal is published: the place is reached, and what lies there is the beginning of this journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bridle.core.settings import Settings
from bridle.surfaces.cli.checks import Check, State
from bridle.surfaces.cli.checks_machine import KEYS, sqlite_file

NAME = "published"


def check_published(settings: Settings) -> Sequence[Check]:
    """Nothing is published, or it is ours; how far it lies behind is told."""
    if not settings.checkpoints:
        return [Check(NAME, State.OK, "nowhere (BRIDLE_CHECKPOINTS): no copy shows what is cut off here")]
    file = sqlite_file(settings)
    made = file is None or file.exists()
    if not made or not all((settings.config_dir / key).exists() for key in KEYS):
        return [Check(NAME, State.OK, "nothing yet")]
    return [asyncio.run(_compare(settings))]


async def _compare(settings: Settings) -> Check:
    from bridle.app import open_shelf, open_store, read_health
    from bridle.trust.log.publication import JournalForked, check_beginning, published_size

    shelf = open_shelf(settings.checkpoints)
    with open_store(settings) as store:
        size = (await read_health(store.database)).records
        there = published_size(shelf)
        try:
            await check_beginning(store.journal, shelf, there, size)
        except JournalForked as error:
            return Check(NAME, State.FAIL, error.what, error.hint)
    return Check(NAME, State.OK, f"{there} of {size} records at {settings.checkpoints}")
