"""The same sandbox started by an ordinary user.

Under root a child process becomes such a user and runs the checks with the system's Python, because a Python below
root's home cannot be reached by anybody else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import bridle

ORDINARY_UID = 54321
CHECKS = """
import asyncio, json, os, sys
from pathlib import Path
from bridle.core.boundary import Limits
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.policy import SandboxPolicy

async def main(workspace):
    backend = Bubblewrap()
    capabilities = await backend.probe()
    policy = SandboxPolicy(workspace, writable=("src",), read_only=("src/kept",), limits=Limits(wall_s=2))
    async def sh(command, policy=policy):
        return await backend.run(policy, ["/bin/sh", "-c", command])
    who = await sh("id -u; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status")
    wrote = await sh("echo new > src/new; echo evil > src/kept; echo evil > outside; ls /home /root /var/lib")
    late = await sh("trap '' TERM; setsid sleep 54321 & sleep 54321")
    flood = await sh("cat /dev/zero")
    shared = await backend.open_network()  # proved by the canaries, or an error
    look = ["/bin/sh", "-c", "readlink /proc/self/ns/net"]
    joined = [await backend.run(policy, look, network=shared) for _ in range(2)]
    shared.close()
    return {
        "networks": [one.stdout.decode().strip() for one in joined] + [os.readlink("/proc/self/ns/net")],
        "uid outside": os.getuid(),
        "missing": dict(capabilities.missing),
        "soft": list(capabilities.soft),
        "who": who.stdout.decode().split(),
        "src": sorted(p.name for p in (workspace / "src").iterdir()),
        "kept": (workspace / "src/kept").read_text(),
        "outside": (workspace / "outside").exists(),
        "seen": wrote.stdout.decode(),
        "why": [late.why, flood.why],
    }

print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
"""


@pytest.fixture(scope="module")
def report():
    uid = ORDINARY_UID if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="bridle-test-", dir="/var/tmp"))
    (folder / "src").mkdir()
    (folder / "src" / "kept").write_text("kept")
    for path in (folder, folder / "src", folder / "src" / "kept"):
        os.chown(path, -1 if uid is None else uid, -1)
    source = Path(bridle.__file__).parents[1]
    yield json.loads(
        subprocess.run(
            ["/usr/bin/python3", "-c", CHECKS, folder],
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            cwd="/",
            env={"PYTHONPATH": str(source), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            capture_output=True,
            timeout=60,
        ).stdout
    )
    shutil.rmtree(folder)


def test_an_ordinary_user_gets_every_mandatory_guarantee(report):
    assert (report["uid outside"] > 0, report["missing"]) == (True, {})
    assert report["who"] == ["65534", "CapEff:", "0000000000000000", "NoNewPrivs:", "1", "Seccomp:", "2"]
    assert (report["src"], report["kept"], report["outside"], report["seen"]) == (
        ["kept", "new"],
        "kept",
        False,
        "",
    )
    assert report["why"] == ["wall", "output"]
    assert {"memory", "pids", "disk"} >= set(report["soft"])


def test_an_ordinary_user_has_stages_that_share_a_network(report):
    one, other, ours = report["networks"]
    assert one == other != ours
