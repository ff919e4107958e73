"""Fixtures of the campaign: processes to kill, and the undisturbed run, made once for all workers of a test run."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from crash.campaign import Reference, run_undisturbed
from support.forks import Forks


@pytest.fixture(scope="session")
def reference(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # xdist: each worker has a folder of its own in one of the run
        shared = shared.parent
    return _once(shared / "undisturbed.json", forks)


def _once(path: Path, forks: Forks) -> Reference:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_text(run_undisturbed(forks).to_json(), "utf-8")
        return Reference.from_json(path.read_text("utf-8"))
