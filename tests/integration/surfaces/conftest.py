"""The command line as its own process, in folders of its own that the sandbox's user can reach."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.commands import COMMAND_LINE
from support.forks import Forks


@dataclass
class Home:
    """Folders of one user. `bridle` runs the real command line in them."""

    root: Path
    forks: Forks

    @property
    def environ(self):
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.root / "home"),
            "BRIDLE_DATA_DIR": str(self.root / "data"),
            "BRIDLE_CONFIG_DIR": str(self.root / "config"),
            "BRIDLE_WORK_DIR": str(self.root / "work"),
        }

    def bridle(self, *words, cwd=None, **environ):
        return self.finish(self.start(*words, cwd=cwd, **environ))

    def bridle_json(self, *words, **options):
        done = self.bridle(*words, "--json", **options)
        assert done.stdout.startswith(("{", "[")), done.stderr
        return done.returncode, json.loads(done.stdout)

    def start(self, *words, cwd=None, **environ):
        return self.forks.start(
            COMMAND_LINE, words, environment=self.environ | environ, folder=cwd or self.root, alone=True
        )

    def finish(self, child):
        return subprocess.CompletedProcess((), child.wait(), child.stdout, child.stderr)


@pytest.fixture
def new_home(forks):
    """A home in which nothing has ever run."""
    root = Path(tempfile.mkdtemp(prefix="bridle-test-"))  # not tmp_path: user 65534 cannot enter that
    root.chmod(0o755)
    (root / "home").mkdir()
    yield Home(root, forks)
    shutil.rmtree(root)


@pytest.fixture
def home(new_home, begun_folder):
    """A home whose store has its tables and keeps nothing yet: to make them takes longer than most commands."""
    shutil.copytree(begun_folder, new_home.root / "data")
    (new_home.root / "data").chmod(0o700)  # as the product makes it
    return new_home
