"""A workspace that the sandbox's user can reach, and a shorthand for running a command or a piece of Python in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridle.core.boundary import Limits
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.machine import SANDBOX_UID
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxResult

Run = Callable[..., Coroutine[Any, Any, SandboxResult]]
PYTHON = "/usr/bin/python3"


@pytest.fixture
def workspace() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="bridle-test-", dir="/var/tmp"))
    (path / "src" / "tests").mkdir(parents=True)
    (path / "src" / "code.py").write_text("code")
    (path / "src" / "tests" / "test_code.py").write_text("test")
    (path / "notes.txt").write_text("notes")
    path.chmod(0o755)
    if os.geteuid() == 0:
        for folder, names, files in os.walk(path):
            for name in (".", *names, *files):
                os.chown(Path(folder, name), SANDBOX_UID, SANDBOX_UID)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def run(workspace: Path) -> Run:
    """Run a shell command: `await run("…", writable=("src",), limits={…}, backend=…)`."""

    async def _run(
        command: str,
        *,
        limits: dict[str, int] | None = None,
        backend: Bubblewrap | None = None,
        stdin: bytes = b"",
        **policy: Any,
    ) -> SandboxResult:
        wanted = SandboxPolicy(workspace, limits=Limits(**{"wall_s": 20, **(limits or {})}), **policy)
        return await (backend or Bubblewrap()).run(wanted, ["/bin/sh", "-c", command], stdin=stdin)

    return _run


@pytest.fixture
def run_python(workspace: Path) -> Run:
    """Run a piece of Python: `await run_python("…")`."""

    async def _run(source: str, *, limits: dict[str, int] | None = None, **policy: Any) -> SandboxResult:
        wanted = SandboxPolicy(workspace, limits=Limits(**{"wall_s": 20, **(limits or {})}), **policy)
        return await Bubblewrap().run(wanted, [PYTHON, "-I", "-c", source])

    return _run
