"""Fixtures of the delegate's tests; workspaces lie where the sandbox's user can reach them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridle.delegate.limits import TreeLimits
from bridle.delegate.workspace import Workspaces
from integration.delegate.bench import FILES, REPAIR, Bench, FakeSandbox, Origin, build_bench


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


@pytest.fixture
def fake_sandbox() -> FakeSandbox:
    return FakeSandbox()


@pytest.fixture
def bench(workspaces: Workspaces, fake_sandbox: FakeSandbox) -> Bench:
    return build_bench(workspaces, fake_sandbox)


@pytest.fixture
def origin(reachable: Path) -> Origin:
    path = reachable / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    made = Origin(path)
    made.commit(FILES)
    return made


@pytest.fixture
async def cloned(bench: Bench, origin: Origin) -> Bench:
    report = await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert report.status == "succeeded"
    bench.boundary = REPAIR
    return bench
