"""What a sandbox costs: start, run and end of `true`, next to a bare process, in one run.

    python bench/sandbox.py [ROUNDS]

The cases take turns, so that a busy moment of the machine hits all of them. Ratios are against fork and exec; the
absolute figures belong to the machine that printed them. It asserts nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.machine import SANDBOX_UID
from bridle.delegate.sandbox.policy import SandboxPolicy

Case = Callable[[], Awaitable[object]]
PYTHON = "/usr/bin/python3"
BARE = (
    "bwrap",
    "--unshare-all",
    "--ro-bind",
    "/usr",
    "/usr",
    "--symlink",
    "usr/lib64",
    "/lib64",
    "/usr/bin/true",
)


def main(rounds: int) -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="bridle-bench-"))
    try:
        folder.chmod(0o755)
        asyncio.run(_report(_list_cases(_make_workspace(folder)), rounds))
    finally:
        shutil.rmtree(folder)


def _list_cases(workspace: Path) -> dict[str, Case]:
    policy = SandboxPolicy(workspace, writable=("src",), read_only=("src/tests",))
    hard, soft = Bubblewrap(), Bubblewrap(use_cgroups=False)
    return {
        "fork and exec": lambda: _spawn("true"),
        "bare bwrap": lambda: _spawn(*BARE),
        "sandbox, soft limits": lambda: soft.run(policy, ["true"]),
        "sandbox": lambda: hard.run(policy, ["true"]),
        "python": lambda: _spawn(PYTHON, "-c", "pass"),
        "sandbox, python": lambda: hard.run(policy, [PYTHON, "-c", "pass"]),
    }


def _make_workspace(folder: Path) -> Path:
    (folder / "src" / "tests").mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (folder, folder / "src", folder / "src" / "tests"):
            os.chown(path, SANDBOX_UID, SANDBOX_UID)
    return folder


async def _spawn(*argv: str) -> None:
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC221


async def _report(cases: dict[str, Case], rounds: int) -> None:
    started = time.perf_counter()
    capabilities = await Bubblewrap().probe()
    print(f"probe, once per process: {(time.perf_counter() - started) * 1000:.0f} ms")
    print(f"hard: {', '.join(capabilities.hard)}; soft: {', '.join(capabilities.soft)}")
    if capabilities.missing:
        print(f"nothing to measure: {dict(capabilities.missing)}")
        return
    taken = await _measure(cases, rounds)
    unit = statistics.median(taken["fork and exec"])
    print(f"{'case':<22}{'p50 ms':>10}{'p99 ms':>10}{'x fork+exec':>13}   ({rounds} rounds)")
    for name, values in taken.items():
        middle, tail = statistics.median(values), sorted(values)[int(len(values) * 0.99)]
        print(f"{name:<22}{middle * 1000:>10.1f}{tail * 1000:>10.1f}{middle / unit:>13.1f}")


async def _measure(cases: dict[str, Case], rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, case in cases.items():
            started = time.perf_counter()
            await case()
            if turn:  # the first turn warms up
                taken[name].append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
