"""A disk that is really full: a small file system of its own, made by bubblewrap for a child process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHILD = """
import os, sys
from pathlib import Path
from bridle.core.errors import UnavailableError
from bridle.delegate.workspace import Workspaces

root = Path(sys.argv[1])
spaces = Workspaces(root / "work")
file = spaces.folder("w") / "a"
file.write_bytes(os.urandom(100_000))
good = spaces.snapshot("w")
file.write_bytes(os.urandom(60_000))
(root / "ballast").write_bytes(b"x" * 50_000)
try:
    spaces.snapshot("w")
except UnavailableError as error:
    print(error.reason, bool(error.where), bool(error.hint))
stored = [path for path in (root / "work/store").rglob("*") if path.is_file()]
print(len(stored), [path.name for path in stored if path.name.startswith(".")])
(root / "ballast").unlink()
print(spaces.snapshots.load(good).keys() == {"a"})
"""


def test_a_full_disk_is_said_and_what_was_stored_stays_whole(reachable: Path) -> None:
    small = reachable / "small"
    small.mkdir()
    source = str(Path(__file__).parents[3] / "src")
    inside = ["bwrap", "--dev-bind", "/", "/", "--size", "262144", "--tmpfs", str(small)]
    run = subprocess.run(
        [*inside, "--setenv", "PYTHONPATH", source, sys.executable, "-c", CHILD, str(small)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.splitlines() == ["disk-full True True", "2 []", "True"], run.stderr
