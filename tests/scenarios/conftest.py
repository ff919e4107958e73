"""One whole installation for all scenarios: the engine is one per process, and opening it takes longer than most of them run."""

import shutil
import tempfile
from pathlib import Path

import pytest
import pytest_asyncio

from bridle.app import open_app
from bridle.core.settings import load_settings


@pytest.fixture(scope="module")
def folder():
    path = Path(tempfile.mkdtemp(prefix="bridle-scenarios-", dir="/var/tmp"))  # user 65534 has to walk there
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(folder):
    places = {f"BRIDLE_{name}_DIR": str(folder / name.lower()) for name in ("DATA", "CONFIG", "WORK")}
    async with open_app(load_settings({"HOME": "/nonexistent", **places})) as opened:
        yield opened
