"""The parent of the tests' processes: a number that the system gives out again is another child."""

import os
import signal

from support import forks


def test_a_number_that_is_used_again_does_not_stand_for_the_child_that_had_it_before(monkeypatch):
    monkeypatch.setattr(forks, "_fork", lambda job: 7)
    monkeypatch.setattr(os, "waitpid", lambda pid, options: (0, 0))
    codes = {7: -9}
    assert forks._answer({"call": "x:y"}, codes) == {"pid": 7}
    assert forks._answer({"poll": 7}, codes) == {"code": None}


def test_the_end_of_a_child_is_told_as_often_as_it_is_asked_for(monkeypatch):
    ends = [(7, 0)]
    monkeypatch.setattr(os, "waitpid", lambda pid, options: ends.pop())
    codes = {}
    assert [forks._answer({"poll": 7}, codes) for _ in range(2)] == [{"code": 0}] * 2


def test_a_child_of_tests_that_run_in_the_background_of_a_shell_can_be_interrupted():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a shell without job control sets
    try:
        forks._move_in({"streams": [], "alone": False, "environment": {}, "folder": os.curdir})
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
