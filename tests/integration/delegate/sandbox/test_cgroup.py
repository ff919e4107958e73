"""Control groups: found where the kernel says, limited before use, removed after it.

Version 1 is tried on this machine when it lets us; version 2 and a delegated subtree on a fake tree of plain files.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bridle.delegate.sandbox.cgroup import LEAF, Seat, make_leaf
from bridle.delegate.sandbox.diagnosis import explain_failure
from bridle.delegate.sandbox.seats import OWN, find_seat, find_seats


@pytest.fixture
def seats():
    found = find_seats()
    if not found:
        pytest.skip("no control group can be written here")
    return found


@pytest.fixture
def fake_proc(tmp_path: Path):
    """A /proc/self with one fake mount of version 2, a part of whose tree is shown, as in a container."""

    def _make(controllers: str, path: str = "/pod/app") -> tuple[Path, Path]:
        proc, mount = tmp_path / "proc", tmp_path / "mount"
        folder = mount / path.removeprefix("/pod").lstrip("/")
        folder.mkdir(parents=True)
        proc.mkdir()
        (proc / "cgroup").write_text(f"0::{path}\n")
        (proc / "mountinfo").write_text(f"30 23 0:26 /pod {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n")
        (folder / "cgroup.controllers").write_text(controllers)
        return proc, folder

    return _make


@pytest.fixture
def sleeper():
    with subprocess.Popen(["sleep", "30"]) as process:
        yield process
        process.kill()


async def test_a_leaf_holds_what_enters_it_and_goes_away(seats, sleeper):
    leaf = make_leaf(seats, memory_bytes=1 << 25, pids=5)
    leaf.enter(sleeper.pid)
    inside = [str(sleeper.pid) in (folder / "cgroup.procs").read_text() for folder in leaf.list_folders()]
    sleeper.kill()
    await leaf.remove()
    assert (all(inside), [folder for folder in leaf.list_folders() if folder.exists()]) == (True, [])


def test_what_a_dead_process_left_is_killed_and_removed(seats, monkeypatch):
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    monkeypatch.setattr(os, "getpid", lambda: dead.pid)
    leaf = make_leaf(seats, memory_bytes=1 << 25, pids=5)
    monkeypatch.undo()
    with subprocess.Popen(["sleep", "30"]) as orphan:
        leaf.enter(orphan.pid)
        find_seats()
        assert orphan.wait(timeout=5) == -signal.SIGKILL
    find_seats()
    assert [folder for folder in leaf.list_folders() if folder.exists()] == []


def test_the_leaf_of_a_living_process_is_left_alone(seats, sleeper):
    folder = seats[0].folder / f"{LEAF}-{sleeper.pid}-1"
    folder.mkdir()
    find_seats()
    kept = folder.exists()
    folder.rmdir()
    assert kept


def test_in_version_2_this_process_steps_aside_before_the_controller_is_switched_on(fake_proc):
    proc, folder = fake_proc("cpu memory pids")
    seat = find_seat("memory", proc)
    written = (folder / OWN / "cgroup.procs").read_text(), (folder / "cgroup.subtree_control").read_text()
    assert (seat, written) == (Seat("memory", 2, folder), ("0", "+memory"))


def test_in_version_2_what_this_process_started_steps_aside_with_it_and_nobody_else(fake_proc, sleeper):
    proc, folder = fake_proc("memory")
    (folder / "cgroup.procs").write_text(f"{sleeper.pid}\n{os.getppid()}\n")
    find_seat("memory", proc)
    assert (folder / OWN / "cgroup.procs").read_text() == str(sleeper.pid)


def test_in_version_2_a_process_that_stepped_aside_for_one_controller_has_the_others_too(fake_proc):
    # a group shows what the one above has switched on
    proc, own = fake_proc("memory", path=f"/pod/app/{OWN}")
    (own.parent / "cgroup.controllers").write_text("memory pids")
    (own.parent / "cgroup.subtree_control").write_text("memory")
    assert find_seat("memory", proc) == Seat("memory", 2, own.parent)
    assert find_seat("pids", proc) == Seat("pids", 2, own.parent)
    assert (own.parent / "cgroup.subtree_control").read_text() == "+pids"


def test_a_controller_that_is_not_there_gives_no_hard_limit(fake_proc):
    proc, _ = fake_proc("cpu")
    assert find_seat("memory", proc) is None


def test_a_group_that_may_not_be_changed_gives_no_hard_limit(fake_proc):
    proc, folder = fake_proc("memory")
    (folder / OWN).write_text("in the way")
    assert find_seat("memory", proc) is None


def test_limits_of_version_2_are_written(tmp_path):
    seat = Seat("memory", 2, tmp_path)
    leaf = make_leaf((seat, Seat("pids", 2, tmp_path)), memory_bytes=1 << 25, pids=7)
    (folder,) = leaf.list_folders()
    assert ((folder / "memory.max").read_text(), (folder / "pids.max").read_text()) == (str(1 << 25), "7")


@pytest.mark.parametrize(
    ("events", "meaning"),
    [({"memory.events": "oom 1\noom_kill 1\n"}, "oom"), ({"pids.events": "max 3\n"}, "pids"), ({}, "")],
)
def test_the_limit_that_was_hit_is_named(tmp_path, events, meaning):
    leaf = make_leaf((Seat("memory", 2, tmp_path), Seat("pids", 2, tmp_path)), memory_bytes=1 << 25, pids=7)
    (folder,) = leaf.list_folders()
    for name, text in events.items():
        (folder / name).write_text(text)
    assert leaf.find_overrun() == meaning


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor profile"),
        ("user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces"),
        ("user/max_user_namespaces", "9", "a container has to be started"),
    ],
)
def test_the_advice_names_the_setting_that_is_in_force(tmp_path, setting, value, advice):
    file = tmp_path / setting
    file.parent.mkdir()
    file.write_text(f"{value}\n")
    error = explain_failure("bwrap: setting up uid map: Permission denied", proc=tmp_path)
    assert advice in error.hint
