"""Processes by the dozen: one parent that has imported everything forks a child for each job.

A child is a process of its own in every way that matters to a test: it has its own DBOS, loop, threads and connections, its
own environment and exit code, and can be killed. What it is spared is importing the same libraries again. The parent
has no threads, which is what makes forking it safe.

    with opened_forks() as forks:
        child = forks.start("support.forks:command_line", ["--help"], environment={}, folder=path)
        assert child.wait() == 0

`python -m support.forks` is the parent; it reads jobs from standard input, and takes its children along when that ends.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import inspect
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
LEFT_OUT = (
    "bridle.adapters.models.bedrock",  # a live model's libraries take seconds, and no test here speaks to one
    "bridle.adapters.models.live",
    "bridle.adapters.models.providers",
    "bridle.adapters.models.wire",
    "bridle.adapters.sql.migrations",
)
LIBRARIES = (
    "alembic.command",
    "anyio._backends._asyncio",
    "click",
    "dbos",
    "dbos._migration",
    "dbos._sys_db_sqlite",
    "genai_prices.data",
    "genai_prices.decompose",
    "multiprocessing.managers",
    "securesystemslib.dsse",
)
PR_SET_PDEATHSIG = 1
POLL_S = 0.01
PATIENCE_S = 120.0


class NotEnded(AssertionError):
    """A child did not end in time."""


@dataclass(frozen=True)
class Child:
    """A job that was started. `code` is negative after a signal, as in subprocess."""

    forks: Forks
    pid: int
    out: Path
    err: Path

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        code: int | None = self.forks.ask({"poll": self.pid})["code"]
        return code

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for its end and return the exit code; a child that does not end is killed, and that is an error."""
        until = time.monotonic() + timeout_s
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                self.kill()
                raise NotEnded(f"it did not end in {timeout_s} s\n{self.stdout}\n{self.stderr}")
            time.sleep(POLL_S)
        return code

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, unless it has ended: its number may be another process's by now."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def interrupt(self) -> None:
        """Do what Ctrl-C does at a terminal: it reaches every process of the group."""
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGINT)

    @property
    def stdout(self) -> str:
        return self.out.read_text("utf-8", errors="replace")

    @property
    def stderr(self) -> str:
        return self.err.read_text("utf-8", errors="replace")


class Forks:
    """The parent, seen from the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "support.forks"],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH")))),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        call: str,
        argument: Any,
        *,
        environment: Mapping[str, str],
        folder: Path,
        terminal: str = "",
        alone: bool = False,
    ) -> Child:
        """Start `module:function` with one argument that JSON can carry, in a child whose working directory is `folder`.

        `terminal` is the device of a terminal to be its standard input, output and error; there is none without it. With `alone`
        the child has no variables but those of `environment`.
        """
        self._count += 1
        out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        for file in (out, err):
            file.touch(0o600)
        streams = [terminal] * 3 if terminal else [os.devnull, str(out), str(err)]
        job = {"call": call, "argument": argument, "folder": str(folder), "streams": streams}
        job |= {"environment": dict(environment), "alone": alone}
        return Child(self, self.ask(job)["pid"], out, err)

    def ask(self, message: dict[str, Any]) -> Any:
        """Exchange one line with the parent."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(message) + "\n")
        self._parent.stdin.flush()
        return json.loads(self._parent.stdout.readline())

    def close(self) -> None:
        """End the parent; its children end with it."""
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait()


@contextmanager
def opened_forks() -> Iterator[Forks]:
    """Start a parent and end it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bridle-forks-") as folder:
        forks = Forks(Path(folder))
        try:
            yield forks
        finally:
            forks.close()


def command_line(arguments: list[str]) -> None:
    """The job that is the command line; ends the process with its exit code."""
    from bridle.surfaces.cli.main import run

    run(arguments)


def _serve() -> None:
    _preload()
    codes: dict[int, int] = {}
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line), codes)), flush=True)


def _answer(message: Mapping[str, Any], codes: dict[int, int]) -> dict[str, int | None]:
    if "poll" in message:
        return {"code": _poll(message["poll"], codes)}
    pid = _fork(message)
    codes.pop(pid, None)  # the number was an earlier child's, whose end is not this one's
    return {"pid": pid}


def _preload() -> None:
    """Import the whole product by walking it, so that nobody has to keep a list; make what every process makes once."""
    import bridle

    for module in pkgutil.walk_packages(bridle.__path__, "bridle."):
        if not module.name.startswith(LEFT_OUT) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    _make_once()
    gc.collect()
    gc.freeze()  # no child searches all of this for garbage, which would copy its pages as well


def _make_once() -> None:
    """Fill the caches that take no argument, and compile statements and schemas: a child has them all when it is born."""
    from bridle.adapters.sql.prepared import Prepared
    from bridle.gate.manifest import builtin_manifests

    modules = [module for name, module in sys.modules.items() if name.startswith("bridle.")]
    for found in {id(value): value for module in modules for value in vars(module).values()}.values():
        if isinstance(found, Prepared):
            _ = found._compiled
        elif isinstance(found, functools._lru_cache_wrapper) and not inspect.signature(found).parameters:
            found()
    for manifest in builtin_manifests().values():
        _ = manifest._validator, manifest.digest


def _poll(pid: int, codes: dict[int, int]) -> int | None:
    if pid not in codes:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            codes[pid] = os.waitstatus_to_exitcode(status)
    return codes.get(pid)


def _fork(job: Mapping[str, Any]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    code = 1
    try:
        _move_in(job)
        module, _, function = job["call"].partition(":")
        getattr(importlib.import_module(module), function)(job["argument"])
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _move_in(job: Mapping[str, Any]) -> None:
    # Tests that run in the background of a shell ignore Ctrl-C, and so would all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, name in enumerate(job["streams"]):
        opened = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    if job["alone"]:
        os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    if os.getsid(0) != os.getpid():
        os.setpgid(0, 0)  # as a shell with job control does


if __name__ == "__main__":
    _serve()
