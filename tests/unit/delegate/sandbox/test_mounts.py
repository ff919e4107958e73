"""The order of the binds decides what can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridle.core.errors import InputError
from bridle.delegate.sandbox.mounts import Bind, list_written, plan_binds
from bridle.delegate.sandbox.policy import SandboxPolicy

WORKSPACE = Path("/nowhere")


def plan(writable=(), read_only=()):
    binds = plan_binds(SandboxPolicy(WORKSPACE, writable=writable, read_only=read_only))
    return [f"{bind.path} {'rw' if bind.writable else 'ro'}" for bind in binds]


def test_without_a_grant_only_the_scratch_folder_is_writable():
    assert plan() == [". ro", ".bridle rw"]


def test_the_workspace_comes_first_and_read_only_paths_last():
    assert plan(("src", "docs"), ("src/tests",)) == [
        ". ro",
        ".bridle rw",
        "docs rw",
        "src rw",
        "src/tests ro",
    ]


def test_folders_above_a_read_only_path_become_mount_points_so_that_they_cannot_be_moved():
    assert plan((".",), ("a/b/c",)) == [". ro", ". rw", ".bridle rw", "a rw", "a/b rw", "a/b/c ro"]


def test_no_folder_above_a_read_only_path_becomes_writable_that_was_not():
    assert plan(("a/b",), ("a/x/y", "z/tests")) == [". ro", ".bridle rw", "a/b rw", "z/tests ro", "a/x/y ro"]


def test_a_writable_path_below_a_read_only_one_is_covered_by_it():
    assert plan(("a/b",), ("a",))[-1] == "a ro"


def test_outer_paths_come_before_inner_ones():
    assert plan(("b/c", "b", "a/d/e")) == [". ro", ".bridle rw", "b rw", "b/c rw", "a/d/e rw"]


def test_spellings_of_one_path_are_one_bind():
    assert plan(("src/", "./src", "src"))[2:] == ["src rw"]


@pytest.mark.parametrize("path", ["..", "a/../../b", "/etc", "", "a\\b", "a\nb"])
def test_a_path_that_leaves_the_workspace_is_refused(path):
    with pytest.raises(InputError):
        plan((path,))


def test_what_is_measured_is_measured_once():
    policy = SandboxPolicy(WORKSPACE, writable=("a", "a/b", "c"))
    assert list_written(policy) == (".bridle", "a", "c")


def test_all_of_the_workspace_is_measured_as_one():
    assert list_written(SandboxPolicy(WORKSPACE, writable=(".", "a"))) == (".",)


def test_the_workspace_itself_is_always_bound_read_only_first():
    assert plan_binds(SandboxPolicy(WORKSPACE, writable=(".",)))[0] == Bind(".", writable=False)
