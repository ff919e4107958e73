"""A whole installation of its own for an attack: the real store, gate, policy, delegate and sandbox."""

import shutil
import tempfile
from pathlib import Path

import pytest

from bridle.app import open_app
from bridle.core.settings import load_settings


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="bridle-attack-", dir="/var/tmp"))  # user 65534 has to walk there
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def settings(folder):
    """What the account has set; an attack may have it set more."""
    places = {f"BRIDLE_{name}_DIR": str(folder / name.lower()) for name in ("DATA", "CONFIG", "WORK")}
    return load_settings({"HOME": "/nonexistent", **places})


@pytest.fixture
async def app(settings):
    async with open_app(settings) as opened:
        yield opened
