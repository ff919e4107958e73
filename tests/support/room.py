"""A room: the folders of one installation, apart from all others, with the machine's own toolchain and cached sample.

It lies where the sandbox's user can walk to. What `./run test` has set up is linked in, never copied and never fetched here.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridle.adapters.index.sample import prepare_autofix_origin
from bridle.core.settings import Settings, load_settings

MISSING = "the sandbox's toolchain or the sample's archive is not there: ./run test sets them up"


@dataclass(frozen=True)
class Room:
    """One installation below `path`; `store` is the address of its store, a file below `path` when empty."""

    path: Path
    store: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a process live here; empty ones hide what the caller's own environment says."""
        return {
            "BRIDLE_DATA_DIR": str(self.path / "data"),
            "BRIDLE_CONFIG_DIR": str(self.path / "config"),
            "BRIDLE_WORK_DIR": str(self.path / "work"),
            "BRIDLE_STORE": self.store,
            "BRIDLE_MODEL": "",
            "BRIDLE_MODEL_PRICE": "",
            "BRIDLE_RECORD": "",
            "BRIDLE_MAX_EXECUTIONS": "",
            "BRIDLE_POLICIES": "",
            "BRIDLE_RETENTION": "",
        }

    @property
    def settings(self) -> Settings:
        return load_settings({"HOME": "/nonexistent", **self.environment})

    @property
    def origin(self) -> Path:
        """The demo's bare origin."""
        return self.path / "data" / "demo" / "origin.git"

    @property
    def key(self) -> Path:
        """The control plane's public key."""
        return self.path / "config" / "control-plane.pub"

    def make_origin(self) -> str:
        """Make the sample's origin, which keeps a log of what was pushed to it; return the commit of its main."""
        made = prepare_autofix_origin(self.settings, fresh=True)
        git(made.path, "config", "core.logAllRefUpdates", "always")
        return made.commit

    def change(self, path: str, old: bytes, new: bytes) -> str:
        """Replace the first `old` in a file on the origin's main, as a team's member would; return the commit."""
        content = subprocess.run(
            ["git", f"--git-dir={self.origin}", "show", f"main:{path}"], check=True, capture_output=True
        ).stdout
        assert old in content, f"{path} has no {old!r}"
        content = content.replace(old, new, 1)
        head = b"commit refs/heads/main\ncommitter Team <team@example.invalid> 1600000000 +0000\ndata 6\nchange\n"
        place = b"from refs/heads/main^0\nM 100644 inline %s\ndata %d\n" % (path.encode(), len(content))
        git(self.origin, "fast-import", "--quiet", stdin=head + place + content + b"\n")
        return self.main()

    def pushes(self, branch: str = "main") -> list[str]:
        """Return the commits that `branch` of the origin was moved to, as the origin itself has logged them."""
        log = self.origin / "logs" / "refs" / "heads" / branch
        return [line.split()[1] for line in log.read_text("utf-8").splitlines()] if log.exists() else []

    def save(self, folder: Path) -> None:
        """Copy everything into `folder`; no process may be at work here."""
        subprocess.run(["cp", "-a", f"{self.path}/.", str(folder)], check=True)

    def restore(self, folder: Path) -> None:
        """Put everything back as it was saved, at the same place: records and repositories name it."""
        for path in self.path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        subprocess.run(["cp", "-a", f"{folder}/.", str(self.path)], check=True)

    def main(self) -> str:
        """Return the commit that main of the origin points at."""
        return git(self.origin, "rev-parse", "refs/heads/main")

    def stores(self) -> dict[str, bytes]:
        """Return every file of the installation but the repository, the workspaces and what is linked in, by its path."""
        places = [self.path / "data", self.path / "config"]
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        outside = (self.origin.parent, self.path / "data" / "cache")
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in files
            if not any(path.is_relative_to(folder) for folder in outside)
        }


@contextmanager
def opened_room(*, store: str = "") -> Iterator[Room]:
    """Make a room and remove it afterwards."""
    path = Path(tempfile.mkdtemp(prefix="bridle-test-", dir="/var/tmp"))
    path.chmod(0o755)
    try:
        yield _furnish(Room(path, store))
    finally:
        shutil.rmtree(path, ignore_errors=True)


def git(repository: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git on a bare repository and return what it printed."""
    command = ["git", f"--git-dir={repository}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=stdin).stdout.decode().strip()


def _furnish(room: Room) -> Room:
    machine = load_settings()
    toolchain, cache = machine.work_dir / "toolchain", machine.data_dir / "cache"
    if not (toolchain.exists() and cache.exists()):
        pytest.fail(MISSING)
    for folder in (room.path / "work", room.path / "data"):
        folder.mkdir(mode=0o755)
    (room.path / "work" / "toolchain").symlink_to(toolchain.resolve())
    (room.path / "data" / "cache").symlink_to(cache)
    return room
