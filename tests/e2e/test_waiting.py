"""Waiting for a person: what ends, what lives on, who carries on, and that a verdict counts once."""

from __future__ import annotations

import os
import pty
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.commands import Bridle, finish
from support.forks import Child, Forks
from support.room import opened_room

KILLED = -9
PATIENCE_S = 60.0
NO_PERSON = 6
SHOWN = ("  action     git.push", "  changed\n    src/isodate/duration.py", "\n  +++ ", "  binds      commit")


class Terminal:
    """A terminal and the demo that runs on it."""

    def __init__(self, bridle: Bridle) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.child: Child = bridle.start("demo", terminal=os.ttyname(slave))
        self._slave = slave
        self.shown = ""

    def wait_for(self, words: str) -> None:
        """Read until `words` are shown."""
        until = time.monotonic() + PATIENCE_S
        while words not in self.shown:
            assert time.monotonic() < until, self.shown
            self.read()
            time.sleep(0.02)

    def read(self) -> None:
        """Take what there is to read; a full terminal would stop who writes on it."""
        try:
            self.shown += os.read(self._master, 65536).decode(errors="replace")
        except BlockingIOError:
            return

    def type(self, words: str) -> None:
        os.write(self._master, words.encode())

    def close(self) -> None:
        for descriptor in (self._master, self._slave):
            os.close(descriptor)


@contextmanager
def demo_on_a_terminal(bridle: Bridle) -> Iterator[Terminal]:
    terminal = Terminal(bridle)
    try:
        terminal.wait_for("approve?")
        yield terminal
    finally:
        if terminal.child.poll() is None:
            terminal.child.kill()
        terminal.close()


@pytest.fixture(scope="module")
def waited(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bridle, Path]]:
    """A demo that waits and that no process carries, made once, and where its room is saved."""
    with opened_room() as room:
        room.make_origin()
        bridle = Bridle(forks, room)
        done = bridle("demo")
        assert done.code == NO_PERSON, done.said
        saved = tmp_path_factory.mktemp("waited")
        room.save(saved)
        yield bridle, saved


@pytest.fixture
def waiting(waited: tuple[Bridle, Path]) -> Bridle:
    """Bridle with a demo that waits and that no process carries."""
    bridle, saved = waited
    bridle.room.restore(saved)
    return bridle


def test_without_a_terminal_it_waits_and_says_how_to_go_on(bridle: Bridle) -> None:
    released = bridle.room.main()  # the demo makes the same one anew
    done = bridle("demo")
    assert (done.code, "bridle approve apr_" in done.err, bridle.room.main()) == (NO_PERSON, True, released)


def test_what_waits_is_shown_in_full_wherever_it_is_asked_and_answered(bridle: Bridle) -> None:
    for done in (bridle("demo"), bridle("resume"), bridle("approve")):
        assert [part for part in SHOWN if part not in done.err] == [], done.said


def test_the_document_of_what_waits_holds_what_is_to_be_approved(waiting: Bridle) -> None:
    (asked,) = waiting("resume", "--json").json["waiting"]
    assert (asked["shown"]["changed"], "difference" in asked["shown"]) == (["src/isodate/duration.py"], True)


def test_the_list_says_what_is_waited_for_and_until_when(waiting: Bridle) -> None:
    (row,) = waiting("executions", "--json").json
    (asked,) = waiting.records("approval.requested")
    assert (row["waits_for"], row["waits_until"]) == ([asked["subject"]], asked["body"]["expires_at"])
    assert not row["left_behind"]  # a person's word carries it on


def test_a_quiet_verdict_shows_nothing(waiting: Bridle) -> None:
    assert "+++ " not in waiting("deny", "--quiet").err


def test_approve_says_where_the_evidence_lies_and_that_it_verifies(waiting: Bridle) -> None:
    done = waiting("approve")
    assert "verified (" in done.out, done.said


def test_evidence_that_does_not_verify_is_an_error_wherever_it_is_said(waiting: Bridle) -> None:
    file = Path(waiting("approve", "--json").json["verified"]["file"])
    file.write_text(file.read_text("utf-8").replace("duration.py", "elsewhere.py", 1)[:-9], "utf-8")
    done = waiting("resume", waiting.newest())
    assert (done.code, "succeeded" in done.out, "verified (" in done.out) == (3, True, False), done.said


def test_approve_carries_on_what_no_process_holds(waiting: Bridle) -> None:
    done = waiting("approve", "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said


def test_deny_ends_denied_and_pushes_nothing(waiting: Bridle) -> None:
    before = waiting.room.main()
    done = waiting("deny", "--comment", "wrong branch", "--json")
    assert (done.code, done.json["state"], waiting.room.main()) == (3, "denied", before)


def test_a_denied_execution_cannot_be_approved_afterwards(waiting: Bridle) -> None:
    (asked,) = waiting.records("approval.requested")
    waiting("deny")
    before = waiting.room.main()
    done = waiting("approve", asked["subject"])
    assert (done.code, "Traceback" in done.err, waiting.room.main()) == (2, False, before), done.said


def test_resume_alone_waits_on_and_with_a_name_ends_well(waiting: Bridle) -> None:
    assert waiting("resume").code == NO_PERSON
    assert waiting("resume", "--approve-as", "ana").code == 0


def test_a_second_demo_resumes_the_first(waiting: Bridle) -> None:
    done = waiting("demo", "--approve-as", "ana")
    assert (done.code, "Resuming it" in done.err, len(waiting("executions", "--json").json)) == (0, True, 1)


def test_approving_twice_counts_once(waiting: Bridle) -> None:
    (asked,) = waiting.records("approval.requested")
    codes = [waiting("approve", asked["subject"]).code for _ in range(2)]
    assert (codes[0], len(waiting.records("approval.verdict"))) == (0, 1)


def test_two_processes_that_approve_at_once_ship_once(waiting: Bridle) -> None:
    (asked,) = waiting.records("approval.requested")
    both = [waiting.start("approve", asked["subject"], "--no-input") for _ in range(2)]
    done = [finish(child) for child in both]
    assert [one for one in done if "Traceback" in one.err] == []
    assert 0 in [one.code for one in done], done
    if waiting("executions", "--json").json[0]["state"] != "succeeded":
        assert waiting("resume").code == 0
    pushed = [record for record in waiting.records("action.outcome") if record["body"]["tool"] == "git.push"]
    assert (len(waiting.records("approval.verdict")), len(pushed)) == (1, 1)


def test_an_approval_outlives_an_origin_that_is_briefly_away(waiting: Bridle) -> None:
    origin = waiting.room.origin
    away = origin.rename(origin.with_name("away.git"))
    done = waiting("approve", "--json")
    assert (done.code, "bridle resume" in done.said, "Traceback" in done.err) == (5, True, False), done.said
    away.rename(origin)
    done = waiting("resume", waiting.newest(), "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said
    ended = [record for record in waiting.records("action.outcome") if record["body"]["tool"] == "git.push"]
    assert (len(waiting.records("approval.verdict")), len(ended)) == (1, 1)
    assert waiting("audit", "verify").code == 0


def test_approve_carries_on_what_was_killed_while_it_waited(bridle: Bridle) -> None:
    with demo_on_a_terminal(bridle) as terminal:
        terminal.child.kill()
        assert terminal.child.wait() == KILLED
    done = bridle("approve", "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said


def test_a_process_that_holds_the_execution_is_woken_and_carries_it_alone(bridle: Bridle) -> None:
    with demo_on_a_terminal(bridle) as terminal:
        done = bridle("approve", "--json")
        assert (done.code, done.json["carried"]) == (0, False), done.said
        until = time.monotonic() + PATIENCE_S
        while bridle("executions", "--json").json[0]["state"] != "succeeded":
            assert time.monotonic() < until
            terminal.read()
        terminal.type("\n")
        terminal.wait_for("succeeded")
        assert terminal.child.wait() == 0
    begun = [record["subject"] for record in bridle.records("action.intended")]
    assert len(begun) == len(set(begun))


def test_yes_on_the_terminal_ships(bridle: Bridle) -> None:
    with demo_on_a_terminal(bridle) as terminal:
        terminal.type("y\n")
        terminal.wait_for("Evidence")
        assert terminal.child.wait() == 0
    (verdict,) = bridle.records("approval.verdict")
    assert verdict["body"]["verdict"] == "approved"


def test_interrupting_says_how_to_resume(bridle: Bridle) -> None:
    child = bridle.start("demo")
    until = time.monotonic() + PATIENCE_S
    while "build/suite running" not in child.stderr:  # a command in the sandbox
        assert time.monotonic() < until, child.stderr
        time.sleep(0.02)
    child.interrupt()
    done = finish(child)
    assert (done.code, "next: bridle resume exe_" in done.err, "Traceback" in done.err) == (
        130,
        True,
        False,
    ), done.said
    assert bridle("resume", "--approve-as", "ana").code == 0
