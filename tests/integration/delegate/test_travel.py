"""A workspace goes from machine to machine: two delegates with a work folder each, and one store."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, TrustError, UnavailableError
from bridle.delegate.mirror import Mirror
from bridle.delegate.travel import NotNotedError, Travel
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report
from integration.delegate.bench import Bench, FakeSandbox, Origin, build_bench

MAIN, FORK = "exe_1", "exe_1.a"


class Machine:
    """One delegate with a work folder of its own."""

    def __init__(self, root: Path, store: Path | None) -> None:
        self.spaces = Workspaces(root, store=store)
        self.bench: Bench = build_bench(self.spaces, FakeSandbox())

    async def do(
        self, tool: str, arguments: Mapping[str, Json], workspace: str = MAIN, **more: object
    ) -> Report:
        return await self.bench.do(tool, arguments, workspace=workspace, **more)

    async def edit(self, path: str, old: str, new: str, workspace: str = MAIN) -> None:
        report = await self.do("file.edit", {"path": path, "old": old, "new": new}, workspace)
        assert report.status == "succeeded", report.value

    async def read(self, path: str, workspace: str = MAIN) -> Json:
        value = value_of(await self.do("file.read", {"path": path}, workspace))
        return value.get("text", value.get("reason"))

    async def clone(self, origin: Origin) -> None:
        report = await self.do("git.clone", {"repository": str(origin.path), "branch": "main"})
        assert report.status == "succeeded"

    async def commit(self, branch: str, workspace: str = MAIN) -> str:
        tree = await self.bench.worker.snapshot(workspace)
        arguments: dict[str, Json] = {"branch": branch, "message": "m"}
        report = await self.do("git.commit", arguments, workspace, expect={"tree": tree})
        assert report.status == "succeeded", report.value
        return str(value_of(report)["commit"])

    def folder(self, workspace: str = MAIN) -> Path:
        return self.spaces.folder(workspace)


def value_of(report: Report) -> Mapping[str, Json]:
    assert isinstance(report.value, Mapping)
    return report.value


@pytest.fixture
def one(reachable: Path) -> Machine:
    return Machine(reachable / "one", reachable / "store")


@pytest.fixture
def two(reachable: Path) -> Machine:
    return Machine(reachable / "two", reachable / "store")


async def test_another_machine_goes_on_where_the_first_one_stood(one: Machine, two: Machine) -> None:
    await one.edit("a", "", "first")
    assert await two.read("a") == "first"
    assert await two.bench.worker.snapshot(MAIN) == await one.bench.worker.snapshot(MAIN)


async def test_a_machine_that_comes_back_replaces_what_it_had_left(one: Machine, two: Machine) -> None:
    await one.edit("a", "", "first")
    (one.folder() / "left").write_text("half of something")
    await two.edit("a", "first", "second")
    assert (await one.read("a"), await one.read("left")) == ("second", "not-found")


async def test_on_the_machine_where_it_stands_nothing_is_touched(one: Machine) -> None:
    await one.edit("a", "", "x")
    (one.folder() / "beside").write_text("by a command that still has no outcome")
    assert await one.read("beside") == "by a command that still has no outcome"


async def test_a_folder_that_was_lost_is_made_anew(one: Machine, origin: Origin) -> None:
    await one.clone(origin)
    await one.edit("README", "calc", "fixed")
    commit = await one.commit("bridle/fix")
    shutil.rmtree(one.folder())
    shutil.rmtree(one.spaces.mirror(MAIN))
    assert await one.read("README") == "fixed\n"
    pushed = await one.do("git.push", {"commit": commit, "branch": "bridle/fix"})
    assert pushed.status == "succeeded"


async def test_a_commit_made_on_one_machine_is_pushed_by_another(
    one: Machine, two: Machine, origin: Origin
) -> None:
    await one.clone(origin)
    await one.edit("README", "calc", "fixed")
    commit = await one.commit("bridle/fix")
    pushed = await two.do("git.push", {"commit": commit, "branch": "bridle/fix"})
    assert pushed.status == "succeeded"
    assert origin.git("rev-parse", "bridle/fix") == commit


@pytest.mark.parametrize("kind", ["tag", "commit", "pull_request"])
async def test_what_was_cloned_by_another_name_goes_on_on_another_machine(
    one: Machine, two: Machine, origin: Origin, kind: str
) -> None:
    first = origin.git("rev-parse", "main")
    origin.git("tag", "v1", first)
    origin.git("update-ref", "refs/pull/7/head", first)
    origin.commit({"README": "calc, later\n"}, parent=first)
    wanted = {"tag": "v1", "commit": first, "pull_request": "7/head"}[kind]
    await one.do("git.clone", {"repository": str(origin.path), kind: wanted})
    await one.edit("README", "calc", "fixed")
    commit = await one.commit("bridle/fix")
    pushed = await two.do("git.push", {"commit": commit, "branch": "bridle/fix"})
    assert pushed.status == "succeeded"
    assert origin.git("rev-parse", "bridle/fix^") == first


async def test_the_same_change_is_the_same_commit_on_another_machine(
    one: Machine, two: Machine, origin: Origin
) -> None:
    await one.clone(origin)
    await one.edit("README", "calc", "fixed")
    commit = await one.commit("bridle/fix")
    assert await two.commit("bridle/fix") == commit
    assert Mirror(two.spaces.mirror(MAIN)).heads() == {"bridle/fix": commit}


async def test_history_is_found_when_the_origin_went_on(one: Machine, two: Machine, origin: Origin) -> None:
    await one.clone(origin)
    await one.edit("README", "calc", "fixed")
    commit = await one.commit("bridle/fix")
    origin.commit({"other": "x"}, parent=origin.git("rev-parse", "main"))
    assert (await two.do("git.push", {"commit": commit, "branch": "bridle/fix"})).status == "succeeded"


async def test_a_commit_that_no_branch_of_the_origin_holds_is_fetched_by_its_id(
    one: Machine, two: Machine, origin: Origin
) -> None:
    await one.clone(origin)
    origin.commit({"other": "x"})
    await two.edit("README", "calc", "fixed")
    await two.commit("bridle/fix")


async def test_a_commit_that_the_origin_no_longer_has_is_said(
    one: Machine, two: Machine, origin: Origin
) -> None:
    await one.clone(origin)
    origin.commit({"other": "x"})
    origin.git("gc", "-q", "--prune=now")
    with pytest.raises(ExecutionError) as caught:
        await two.commit("bridle/fix")
    assert caught.value.reason == "clone-commit-gone"
    assert not two.spaces.mirror(MAIN).exists()


async def test_without_the_origin_files_travel_and_git_waits(
    one: Machine, two: Machine, origin: Origin
) -> None:
    await one.clone(origin)
    origin.path.rename(origin.path.with_name("away.git"))
    assert await two.read("README") == "calc\n"
    with pytest.raises(UnavailableError, match="origin"):
        await two.commit("bridle/fix")
    origin.path.with_name("away.git").rename(origin.path)
    await two.edit("README", "calc", "fixed")
    await two.commit("bridle/fix")


async def test_forks_made_on_one_machine_are_worked_in_and_merged_on_another(
    one: Machine, two: Machine, origin: Origin
) -> None:
    await one.clone(origin)
    forked = await one.do("workspace.fork", {"source": MAIN}, FORK)
    await two.edit("README", "calc", "fixed", FORK)
    commit = await two.commit("bridle/fix", FORK)
    arguments: dict[str, Json] = {
        "base": value_of(forked)["tree"],
        "branches": [{"name": FORK, "tree": None}],
    }
    merged = await one.do("workspace.merge", arguments)
    assert value_of(merged)["branches"] == {"bridle/fix": commit}
    assert await two.read("README") == "fixed\n"
    await two.do("workspace.drop", {"workspaces": [FORK]})
    assert await one.bench.worker.snapshot("exe_1.new") == await one.bench.worker.snapshot("exe_1.b")


async def test_a_dropped_fork_does_not_come_back(one: Machine, two: Machine) -> None:
    await one.edit("a", "", "x")
    await one.do("workspace.fork", {"source": MAIN}, FORK)
    await one.do("workspace.drop", {"workspaces": [FORK]})
    assert await two.read("a", FORK) == "not-found"


async def test_an_artifact_saved_on_one_machine_is_loaded_on_another(one: Machine, two: Machine) -> None:
    await one.edit("dist", "", "x")
    saved = await one.do("artifact.save", {"name": "d", "path": "dist"})
    loading: dict[str, Json] = {"name": "d", "digest": value_of(saved)["digest"], "path": "got"}
    assert (await two.do("artifact.load", loading)).status == "succeeded"
    assert await one.read("got") == "x"


async def test_a_machine_that_was_taken_over_cannot_overwrite_the_next_one_s_work(
    one: Machine, two: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.edit("a", "", "first")
    await two.edit("a", "first", "second")
    monkeypatch.setattr(
        one.bench.worker._travel, "bring", lambda *_, **__: None
    )  # it still believes in itself
    with pytest.raises(NotNotedError, match="taken"):
        await one.do("file.edit", {"path": "a", "old": "first", "new": "third"})
    assert await two.read("a") == "second"


async def test_an_action_whose_stand_cannot_be_noted_has_no_outcome(
    one: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UnavailableError("disk full", reason="disk-full")

    monkeypatch.setattr(Travel, "_write", full)
    with pytest.raises(NotNotedError, match="disk full"):
        await one.do("file.edit", {"path": "a", "old": "", "new": "x"})


async def test_a_damaged_record_is_not_believed(one: Machine, two: Machine) -> None:
    await one.edit("a", "", "x")
    (one.spaces.stands / MAIN).write_text("{")
    with pytest.raises(TrustError, match="damaged"):
        await two.read("a")


async def test_machines_that_share_nothing_know_nothing_of_each_other(reachable: Path) -> None:
    one, two = Machine(reachable / "one", None), Machine(reachable / "two", None)
    await one.edit("a", "", "x")
    assert await two.read("a") == "not-found"
    assert one.spaces.machine != two.spaces.machine


def test_a_machine_keeps_its_name(reachable: Path) -> None:
    assert Workspaces(reachable / "one").machine == Workspaces(reachable / "one").machine != ""
