"""Workspaces in a place that the sandbox's user can reach (pytest's own folders are closed to others)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridle.delegate.tree import TreeLimits
from bridle.delegate.workspace import Workspaces


@pytest.fixture
def reachable() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="bridle-test-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def workspaces(reachable: Path) -> Workspaces:
    small = TreeLimits(entries=200, depth=8, file_bytes=100_000, total_bytes=1_000_000)
    return Workspaces(reachable / "work", limits=small)
