"""When this process is killed, its sandboxes end with it, and what it left half started ends with the next start."""

from __future__ import annotations

import asyncio
import os
import re
import select
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import bridle
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.launch import KEEPER
from bridle.delegate.sandbox.orphans import end_orphans

STARTER = """
import asyncio, sys
from pathlib import Path
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.policy import SandboxPolicy
command = f"echo started > .bridle/started; trap '' TERM; setsid sleep {sys.argv[2]} & sleep {sys.argv[2]}"
asyncio.run(Bubblewrap().run(SandboxPolicy(Path(sys.argv[1])), ["/bin/sh", "-c", command]))
"""


def is_running(mark: str) -> bool:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return any(line.startswith(f"sleep {mark}") for line in listed.splitlines())


def wait_until(condition, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_the_command_dies_with_the_process_that_started_it(workspace: Path):
    mark = f"{3800 + os.getpid() / 1e6:.6f}"
    environment = {**os.environ, "PYTHONPATH": str(Path(bridle.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", STARTER, workspace, mark], env=environment) as starter:
        started = wait_until((workspace / ".bridle/started").exists, within_s=20)
        running = wait_until(lambda: is_running(mark), within_s=5)
        starter.kill()
    assert (started, running, wait_until(lambda: not is_running(mark), within_s=5)) == (True, True, True)


@pytest.mark.parametrize(("answer", "ran"), [(b"g\n", b"ran\n"), (b"", b""), (b"g", b""), (b"x\n", b"")])
def test_the_second_gate_gives_way_to_a_whole_answer_only(answer, ran):
    ours, keepers = socket.socketpair()
    with ours, keepers:
        ours.sendall(answer)
        ours.shutdown(socket.SHUT_WR)
        line = ["/bin/sh", "-c", KEEPER, "sh", "echo", "ran"]
        done = subprocess.run(line, stdin=keepers, capture_output=True, timeout=10, check=False)
    assert done.stdout == ran


KILLED_AT_THE_START = """
import asyncio, ctypes, os, signal, sys, time
from pathlib import Path
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.orphans import end_orphans
from bridle.delegate.sandbox.policy import SandboxPolicy
folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0  # what is left of the killed becomes ours
asyncio.run(Bubblewrap().probe())  # proved once, so that each child goes straight to its start
for number in range(rounds):
    pid = os.fork()
    if not pid:
        command = f"sleep 0.3; echo alive > .bridle/survived-{number}"
        asyncio.run(Bubblewrap().run(SandboxPolicy(folder), ["/bin/sh", "-c", command]))
        os._exit(0)
    time.sleep(number * 0.03 / rounds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
time.sleep(1.0)
print(*sorted(path.name for path in (folder / ".bridle").glob("survived-*")))
end_orphans()
while left := Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
    os.waitpid(int(left[0]), 0)  # for ever, where one waits for a dead bubblewrap
"""


def test_nothing_is_left_when_its_starter_is_killed_at_any_moment_of_the_start(workspace: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(bridle.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_THE_START, workspace, "40"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == ""


@contextmanager
def half_started():
    """Yield the number of a namespace's first process whose bubblewrap waits for something else, and that one."""
    (held, holding), (telling, told) = os.pipe(), os.pipe()
    line = ["bwrap", "--unshare-user", "--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/"]
    line += ["--userns-block-fd", str(held), "--info-fd", str(told), "--", "/bin/sh", "-c", KEEPER]
    with subprocess.Popen(line, pass_fds=[held, told], stdin=subprocess.DEVNULL) as bubblewrap:
        os.close(told)
        with os.fdopen(telling, "rb") as report:
            found = re.search(rb"[0-9]+", report.readline() + report.readline())
        assert found
        try:
            yield int(found[0]), bubblewrap
        finally:
            bubblewrap.kill()
            os.close(held)
            os.close(holding)


def test_a_process_that_waits_for_a_dead_bubblewrap_is_ended_by_the_next_start_and_no_other(monkeypatch):
    monkeypatch.setattr("bridle.delegate.sandbox.bubblewrap._PROVED", {})
    with half_started() as (living, _), half_started() as (orphan, bubblewrap):
        bubblewrap.kill()
        bubblewrap.wait()
        held = os.pidfd_open(orphan)
        asyncio.run(Bubblewrap().probe())
        assert select.select([held], [], [], 5)[0]
        assert Path(f"/proc/{living}").exists()
        os.close(held)
    end_orphans()
