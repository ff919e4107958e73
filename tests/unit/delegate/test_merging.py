"""Three-way merging of trees, by path."""

from __future__ import annotations

import pytest

from bridle.delegate.merging import Conflict, merge_trees
from bridle.delegate.snapshot import Entry, Manifest
from bridle.delegate.tree import Kind

FOLDER = Entry(Kind.FOLDER)


def files(**named: str | None) -> dict[str, Entry]:
    """Give files by path; `__` stands for a slash, and None for an empty folder."""
    return {
        path.replace("__", "/"): FOLDER if text is None else Entry(Kind.FILE, f"sha256:{text}")
        for path, text in named.items()
    }


BASE = files(a="1", b="1", dir__x="1", dir__y="1")


def without(*paths: str, **named: str | None) -> Manifest:
    return {path: entry for path, entry in BASE.items() if path not in paths} | files(**named)


def test_what_each_fork_changed_added_and_deleted_is_taken_over() -> None:
    merge = merge_trees(BASE, {"f": without(a="2", new="n"), "g": without("b")})
    assert merge.manifest == files(a="2", new="n", dir__x="1", dir__y="1")
    assert (merge.changed, merge.conflicts) == (3, ())


def test_forks_that_changed_nothing_leave_the_base() -> None:
    merge = merge_trees(BASE, {"f": BASE, "g": BASE})
    assert (merge.manifest, merge.changed) == (BASE, 0)


@pytest.mark.parametrize("same", [without(a="2"), without("a"), without(new="n")])
def test_the_same_change_twice_is_one_change(same: Manifest) -> None:
    merge = merge_trees(BASE, {"f": same, "g": same, "h": BASE})
    assert (merge.manifest, merge.changed, merge.conflicts) == (same, 1, ())


def test_different_content_is_a_conflict_of_those_who_made_it() -> None:
    merge = merge_trees(BASE, {"f": without(a="2"), "g": without(a="3"), "h": without(b="2")})
    assert merge.conflicts == (Conflict("path", "a", ("f", "g")),)


def test_deleting_what_another_changed_is_a_conflict() -> None:
    merge = merge_trees(BASE, {"f": without("a"), "g": without(a="3")})
    assert merge.conflicts == (Conflict("path", "a", ("f", "g")),)


def test_a_mode_is_content() -> None:
    runs = {**BASE, "a": Entry(Kind.FILE, "sha256:1", executable=True)}
    assert merge_trees(BASE, {"f": runs, "g": without(a="2")}).conflicts


def test_a_file_where_another_needs_a_folder_is_a_conflict() -> None:
    merge = merge_trees(BASE, {"f": without(new="n"), "g": without(new__deep="n"), "h": without(b="2")})
    assert merge.conflicts == (Conflict("path", "new", ("f", "g")),)


def test_a_link_where_another_needs_a_folder_is_a_conflict() -> None:
    link = {**BASE, "new": Entry(Kind.LINK, target="/etc")}
    assert merge_trees(BASE, {"f": link, "g": without(new__x="n")}).conflicts == (
        Conflict("path", "new", ("f", "g")),
    )


def test_an_empty_folder_that_another_fills_is_no_conflict() -> None:
    merge = merge_trees(BASE, {"f": without(new=None), "g": without(new__x="n")})
    assert (merge.manifest, merge.conflicts) == (without(new__x="n"), ())


def test_two_forks_fill_an_empty_folder_of_the_base() -> None:
    base = files(dir=None)
    merge = merge_trees(base, {"f": files(dir__x="1"), "g": files(dir__y="1")})
    assert (merge.manifest, merge.conflicts) == (files(dir__x="1", dir__y="1"), ())


def test_a_neighbour_that_begins_alike_is_not_below() -> None:
    merge = merge_trees(BASE, {"f": without(new="n"), "g": without(newer__x="n")})
    assert merge.conflicts == ()
