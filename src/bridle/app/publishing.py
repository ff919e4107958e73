"""Publishing what a command has recorded, when it ends; servers publish in rounds (app.opening)."""

from __future__ import annotations

import logging

from bridle.adapters.shelves.open import open_shelf
from bridle.core.errors import UnavailableError
from bridle.core.settings import Settings
from bridle.trust.log.publication import Published, publish

log = logging.getLogger(__name__)


async def publish_new(settings: Settings, journal: Published) -> None:
    """Publish what is new where the settings say; a place out of reach is told, and the next command tries again."""
    if not settings.checkpoints:
        return
    try:
        await publish(journal, open_shelf(settings.checkpoints))
    except UnavailableError as error:
        log.warning("the journal is not published: %s", error)
