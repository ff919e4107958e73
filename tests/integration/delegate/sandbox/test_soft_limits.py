"""Where no control group can be written, limits are watched, and reported as soft; where one breaks, nothing runs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from bridle.delegate.sandbox import bubblewrap
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.cgroup import Seat
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxUnavailable


@pytest.fixture
def soft():
    return Bubblewrap(use_cgroups=False)


async def test_what_is_only_watched_is_reported_as_soft(soft):
    capabilities = await soft.probe()
    assert (set(capabilities.soft), dict(capabilities.missing)) == ({"memory", "pids", "disk"}, {})


async def test_a_memory_hog_is_stopped_by_the_watch(run, soft):
    started = time.monotonic()
    result = await run(
        "python3 -c \"import time\nheld = []\nwhile True: held.append(b'x' * 1000000); time.sleep(0.002)\"",
        backend=soft,
        limits={"memory_mib": 64},
    )
    assert (result.why, time.monotonic() - started < 5) == ("oom", True)


async def test_processes_are_counted_inside_the_namespace(run, soft):
    result = await run("for i in $(seq 40); do sleep 5 & done; echo all", backend=soft, limits={"pids": 20})
    assert (b"all" in result.stdout, b"fork" in result.stderr) == (False, True)


async def test_a_control_group_that_breaks_later_means_no_run(workspace, monkeypatch):
    backend = Bubblewrap()
    await backend.probe()
    gone = (Seat("memory", 1, Path("/proc/no-such-folder")),)
    broken = {
        key: (replace(machine, seats=gone), held) for key, (machine, held) in bubblewrap._PROVED.items()
    }
    monkeypatch.setattr(bubblewrap, "_PROVED", broken)
    with pytest.raises(SandboxUnavailable, match="control group could not be set up"):
        await backend.run(SandboxPolicy(workspace, writable=("src",)), ["touch", "/workspace/src/ran"])
    assert list(workspace.glob("src/ran")) == []
