"""Whether a process has ended: certain, or not said."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from bridle.adapters.sql import process
from bridle.adapters.sql.process import is_gone, this_process


@pytest.fixture
def child():
    made = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield made
    made.kill()
    made.communicate()


def described(pid):
    return replace(this_process(), pid=pid, started=int(process._stat(pid)[process.STARTED]))


def test_the_calling_process_is_there():
    assert not is_gone(this_process())


def test_a_process_that_was_waited_for_is_gone(child):
    seen = described(child.pid)
    child.kill()
    child.wait()
    assert is_gone(seen)


def test_a_killed_process_is_gone_although_its_parent_has_not_waited_for_it(child):
    seen = described(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(seen)


def test_a_stopped_process_is_there(child):
    child.send_signal(19)
    assert not is_gone(described(child.pid))


def test_another_process_under_the_same_id_does_not_pass_for_it():
    assert is_gone(replace(this_process(), started=this_process().started - 1))


@pytest.mark.parametrize("machine", ["", "another boot"])
def test_nothing_is_said_of_another_machine(machine):
    assert not is_gone(replace(this_process(), machine=machine, pid=999_999_999))


def test_a_process_that_cannot_be_looked_at_is_not_said_to_be_gone(monkeypatch):
    monkeypatch.setattr(process, "_stat", lambda pid: [])
    assert not is_gone(replace(process.Process(process._machine(), os.getpid(), 1)))
