"""The command line as its own process, in folders of its own that the sandbox's user can reach."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Home:
    """Folders of one user. `bridle` runs the real command line in them."""

    root: Path

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
        return subprocess.run(
            [sys.executable, "-c", "from bridle.surfaces.cli.main import run; run()", *words],
            cwd=cwd or self.root,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def bridle_json(self, *words, **options):
        done = self.bridle(*words, "--json", **options)
        assert done.stdout.startswith(("{", "[")), done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def home():
    root = Path(tempfile.mkdtemp(prefix="bridle-test-"))  # not tmp_path: user 65534 cannot enter that
    root.chmod(0o755)
    (root / "home").mkdir()
    yield Home(root)
    shutil.rmtree(root)
