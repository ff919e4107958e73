"""What the child processes of these tests do, beside the command line itself."""

import asyncio
import os
from pathlib import Path

from bridle.app import open_app
from bridle.core.settings import load_settings
from bridle.surfaces.cli.locking import read_plan

DIED = 9


def start_and_die(file):
    """Record the start of an execution and die before it is begun."""
    asyncio.run(_start_and_die(Path(file)))


async def _start_and_die(file):
    async with open_app(load_settings()) as app:

        async def die(execution, argument):
            os._exit(DIED)

        app.durable.start = die
        await app.control.start(read_plan(file), inputs={}, options={}, initiator=app.user)
