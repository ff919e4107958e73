"""The readers of pipelines and agents among hostile files: they return or refuse,
in bounded time and memory, and never fail in another way.

The short form reads some hundred files; `-m long` reads BRIDLE_FUZZ_FILES of them (default 20,000). BRIDLE_FUZZ_SEED chooses
the files; the seed of a run is in the tests' names, and one file is made again by its own seed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHILD = ROOT / "tests" / "support" / "reader_child.py"
SAMPLES = {
    "pipeline": sorted([*ROOT.glob("samples/*/pipeline.yaml"), *ROOT.glob("tests/scenarios/*.yaml")]),
    "agent": sorted([*ROOT.glob("agents/*/*.md"), *ROOT.glob("samples/*/agent.md.in")]),
}
SEED = int(
    os.environ.get("BRIDLE_FUZZ_SEED") or zlib.crc32(os.environ.get("PYTEST_XDIST_TESTRUNUID", "").encode())
)
FILES = int(os.environ.get("BRIDLE_FUZZ_FILES") or 20_000)
SLOWEST_S = 15.0  # of processor time, for the largest file there may be; a small one takes milliseconds
MOST_MIB = 400


def read_hostile(kind: str, first: int, count: int) -> None:
    assert SAMPLES[kind]
    command = [sys.executable, str(CHILD), kind, str(first), str(count), *map(str, SAMPLES[kind])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3_600, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    found = json.loads(done.stdout)
    assert found["read"] + found["refused"] == count
    assert found["slowest"][0] < SLOWEST_S, found
    assert found["peak_mib"] < MOST_MIB, found


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("first", [SEED], ids=lambda first: f"seed-{first}")
def test_hostile_files_are_read_or_refused(first: int, kind: str) -> None:
    read_hostile(kind, first, 120)


@pytest.mark.long
@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("first", [SEED + 1_000_000], ids=lambda first: f"seed-{first}")
def test_the_long_form_reads_many_hostile_files(first: int, kind: str) -> None:
    read_hostile(kind, first, FILES)
