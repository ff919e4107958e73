"""The soft limits measure what is really there, and hostile trees do not break them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bridle.delegate.sandbox.usage import Usage, list_descendants, measure_paths


def test_real_blocks_are_counted_and_holes_are_not(tmp_path: Path):
    (tmp_path / "real").write_bytes(os.urandom(100_000))
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1 << 40)
    usage = measure_paths([tmp_path])
    assert (100_000 <= usage.size_bytes < 200_000, usage.files) == (True, 2)


def test_links_are_not_followed(tmp_path: Path):
    (tmp_path / "link").symlink_to("/usr")
    assert measure_paths([tmp_path]).files == 1


def test_a_tree_deeper_than_the_kernel_takes_counts_as_over_every_limit(tmp_path: Path):
    script = 'import os\nfor _ in range(60): os.mkdir("d" * 200); os.chdir("d" * 200)'
    subprocess.run(["/usr/bin/python3", "-c", script], cwd=tmp_path, check=True)
    assert measure_paths([tmp_path]).exceeds(Usage(0, 0), 1 << 50)
    subprocess.run(["rm", "-r", tmp_path / ("d" * 200)], check=True)


def test_a_path_that_went_away_is_nothing(tmp_path: Path):
    assert measure_paths([tmp_path / "gone"]) == Usage(0, 0)


def test_more_files_than_fit_into_the_limit_exceed_it():
    assert Usage(0, 300).exceeds(Usage(0, 0), 1 << 20)


def test_grandchildren_are_found():
    with subprocess.Popen(["/bin/sh", "-c", "echo; read x; true"], stdin=-1, stdout=-1) as child:
        child.stdout.readline()
        found = list_descendants(os.getpid())
        child.stdin.close()
    assert {os.getpid(), child.pid} <= set(found)
