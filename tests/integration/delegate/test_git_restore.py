"""A push is undone at a real origin: while nobody has built upon it, and never otherwise."""

from __future__ import annotations

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from integration.delegate.bench import FILES, Bench, Origin
from integration.delegate.test_git_tools import fixed, value_of


async def push(bench: Bench, branch: str) -> dict[str, Json]:
    """Push a change; return the arguments that undo it."""
    report = await bench.do("git.push", {"commit": await fixed(bench), "branch": branch})
    value = value_of(report)
    assert report.status == "succeeded", value
    kept = ("repository", "workspace", "branch", "commit", "previous")
    return {"push": "w/ship/push#0.0", **{name: value[name] for name in kept}}


async def test_the_branch_stands_where_it_stood_before(cloned: Bench, origin: Origin) -> None:
    before = origin.git("rev-parse", "main")
    undo = await push(cloned, "main")
    assert origin.git("rev-parse", "main") != before
    report = await cloned.do("git.restore", undo, workspace="undoing")
    assert value_of(report) == {"branch": "main", "commit": before, "updated": True}
    assert origin.git("rev-parse", "main") == before


async def test_a_branch_that_the_push_made_is_removed(cloned: Bench, origin: Origin) -> None:
    report = await cloned.do("git.restore", await push(cloned, "fresh"), workspace="undoing")
    assert report.status == "succeeded"
    assert origin.git("for-each-ref", "refs/heads/fresh") == ""


async def test_undoing_it_twice_changes_nothing_more(cloned: Bench, origin: Origin) -> None:
    undo = await push(cloned, "main")
    await cloned.do("git.restore", undo, workspace="undoing")
    again = await cloned.do("git.restore", undo, workspace="undoing")
    assert (again.status, value_of(again)["updated"]) == ("succeeded", False)


async def test_what_others_have_pushed_on_top_stays_and_that_is_said(cloned: Bench, origin: Origin) -> None:
    undo = await push(cloned, "main")
    theirs = origin.commit({**FILES, "theirs": "x"}, parent=str(undo["commit"]))
    report = await cloned.do("git.restore", undo, workspace="undoing")
    assert (report.status, value_of(report)["reason"]) == ("failed", "branch-moved")
    assert origin.git("rev-parse", "main") == theirs


async def test_a_look_up_says_whether_it_was_done(cloned: Bench, origin: Origin) -> None:
    task = cloned.task("git.restore", await push(cloned, "main"), workspace="undoing")
    assert await cloned.worker.look_up(task) is None
    await cloned.worker.carry_out(task)
    found = await cloned.worker.look_up(task)
    assert found is not None
    assert found.status == "succeeded"


async def test_a_workspace_of_another_execution_is_not_looked_into(cloned: Bench, origin: Origin) -> None:
    undo = {**await push(cloned, "main"), "workspace": "other"}
    with pytest.raises(TrustError, match="not made from the workspace"):
        await cloned.do("git.restore", undo, workspace="undoing")
