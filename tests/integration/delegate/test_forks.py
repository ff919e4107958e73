"""Forks of a workspace and what comes of merging them, on real files and real git."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import InputError, TrustError
from bridle.delegate.mirror import Mirror
from bridle.dispatch.protocol import Report
from integration.delegate.bench import Bench, Origin

MAIN, A, B = "exe_1", "exe_1.a", "exe_1.b"
EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of `{}`


class Work:
    """An execution's workspaces, and shorthands for what the tests do in them."""

    def __init__(self, bench: Bench, base: str = "") -> None:
        self.bench = bench
        self.base = base

    async def do(self, tool: str, arguments: Mapping[str, Json], workspace: str, **more: object) -> Report:
        return await self.bench.do(tool, arguments, workspace=workspace, **more)

    async def fork(self, *names: str, source: str = MAIN) -> None:
        for name in names:
            report = await self.do("workspace.fork", {"source": source}, name)
            assert report.status == "succeeded"
            self.base = str(value_of(report)["tree"])

    async def merge(
        self, *names: str, trees: Sequence[str | None] = (), into: str = MAIN, **more: object
    ) -> Report:
        branches: list[Json] = [
            {"name": name, "tree": tree}
            for name, tree in zip(names, trees or [None] * len(names), strict=True)
        ]
        arguments = {"base": self.base, "branches": branches}
        return await self.do("workspace.merge", arguments, into, **more)

    async def commit(self, workspace: str, branch: str, text: str) -> str:
        """Change a file and commit it on a branch of the workspace's mirror."""
        self.write(workspace, "README", text)
        tree = await self.bench.worker.snapshot(workspace)
        arguments: dict[str, Json] = {"branch": branch, "message": text}
        report = await self.do("git.commit", arguments, workspace, expect={"tree": tree})
        assert report.status == "succeeded", report.value
        return str(value_of(report)["commit"])

    def write(self, workspace: str, path: str, text: str) -> None:
        file = self.bench.workspaces.folder(workspace) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, workspace: str, path: str) -> str | None:
        file = self.bench.workspaces.folder(workspace) / path
        return file.read_text() if file.exists() else None

    def mirror(self, workspace: str) -> Mirror:
        return Mirror(self.bench.workspaces.mirror(workspace))


def value_of(report: Report) -> Mapping[str, Json]:
    assert isinstance(report.value, Mapping)
    return report.value


@pytest.fixture
def work(bench: Bench) -> Work:
    return Work(bench)


@pytest.fixture
async def cloned_work(work: Work, origin: Origin) -> Work:
    report = await work.do("git.clone", {"repository": str(origin.path), "branch": "main"}, MAIN)
    assert report.status == "succeeded"
    return work


async def test_a_fork_is_the_source_as_it_stands(cloned_work: Work) -> None:
    cloned_work.write(MAIN, "made", "x")
    report = await cloned_work.do("workspace.fork", {"source": MAIN}, A)
    tree = await cloned_work.bench.worker.snapshot(MAIN)
    assert report.value == {"tree": tree, "source": MAIN}
    assert report.facts["tree"] == tree == await cloned_work.bench.worker.snapshot(A)
    assert cloned_work.read(A, "made") == "x"


async def test_a_source_that_was_never_made_is_an_empty_tree(work: Work) -> None:
    report = await work.do("workspace.fork", {"source": MAIN}, A)
    assert (report.status, report.value) == ("succeeded", {"tree": EMPTY, "source": MAIN})


async def test_forking_again_replaces_what_half_a_fork_left(cloned_work: Work) -> None:
    empty = await cloned_work.bench.worker.snapshot(A)
    await cloned_work.fork(A)
    cloned_work.write(A, "half", "x")
    report = await cloned_work.do("workspace.fork", {"source": MAIN}, A, restore_to=empty)
    assert value_of(report)["tree"] == await cloned_work.bench.worker.snapshot(A)
    assert cloned_work.read(A, "half") is None


async def test_a_fork_can_be_verified_committed_and_pushed(cloned_work: Work, origin: Origin) -> None:
    await cloned_work.fork(A)
    commit = await cloned_work.commit(A, "bridle/fix", "fixed")
    tree = await cloned_work.bench.worker.snapshot(A)
    verified = await cloned_work.do("workspace.verify", {"tree": tree}, A)
    assert value_of(verified)["changed"] == ["README"]
    pushed = await cloned_work.do("git.push", {"commit": commit, "branch": "bridle/fix"}, A)
    assert pushed.status == "succeeded"
    assert origin.git("rev-parse", "bridle/fix") == commit


async def test_a_fork_does_not_move_the_branches_it_was_made_from(cloned_work: Work) -> None:
    first = await cloned_work.commit(MAIN, "bridle/fix", "first")
    await cloned_work.fork(A)
    second = await cloned_work.commit(A, "bridle/fix", "second")
    assert (cloned_work.mirror(MAIN).heads(), cloned_work.mirror(A).heads()) == (
        {"bridle/fix": first},
        {"bridle/fix": second},
    )


@pytest.mark.parametrize("source", ["exe_2", "exe_2.a", "exe_10", "exe_1x.a"])
async def test_a_workspace_of_another_execution_is_not_forked(work: Work, source: str) -> None:
    work.write(source.partition(".")[0], "secret", "x")
    with pytest.raises(TrustError) as caught:
        await work.do("workspace.fork", {"source": source}, A)
    assert caught.value.reason == "workspace-of-another-execution"
    assert work.read(A, "secret") is None


async def test_a_fork_is_not_made_in_another_execution(work: Work) -> None:
    with pytest.raises(TrustError, match="does not belong"):
        await work.do("workspace.fork", {"source": MAIN}, "exe_2.a")


@pytest.mark.parametrize(("source", "new"), [(A, MAIN), (A, A), (MAIN, MAIN)])
async def test_nothing_is_forked_over_the_execution_s_own_workspace_or_itself(
    work: Work, source: str, new: str
) -> None:
    work.write(new, "kept", "x")
    with pytest.raises(InputError):
        await work.do("workspace.fork", {"source": source}, new)
    assert work.read(new, "kept") == "x"


async def test_a_fork_of_a_fork_is_merged_into_it_first(work: Work) -> None:
    await work.fork(A)
    await work.fork(B, source=A)
    work.write(B, "inner", "x")
    merging: dict[str, Json] = {"base": work.base, "branches": [{"name": B, "tree": None}]}
    assert (await work.do("workspace.merge", merging, A)).status == "succeeded"
    assert (await work.merge(A)).status == "succeeded"
    assert work.read(MAIN, "inner") == "x"


async def test_a_merge_applies_what_each_fork_did(cloned_work: Work) -> None:
    await cloned_work.fork(A, B)
    cloned_work.write(A, "made/by/a", "a")
    (cloned_work.bench.workspaces.folder(B) / "README").unlink()
    report = await cloned_work.merge(A, B)
    tree = await cloned_work.bench.worker.snapshot(MAIN)
    assert report.value == {"tree": tree, "changed": 2, "branches": {}, "cloned": False}
    assert report.facts["tree"] == tree
    assert (cloned_work.read(MAIN, "made/by/a"), cloned_work.read(MAIN, "README")) == ("a", None)


async def test_a_merge_takes_the_tree_that_is_named_not_the_folder(work: Work) -> None:
    await work.fork(A)
    work.write(A, "f", "then")
    then = await work.bench.worker.snapshot(A)
    work.write(A, "f", "later")
    await work.merge(A, trees=[then])
    assert work.read(MAIN, "f") == "then"


async def test_a_conflict_applies_nothing_and_names_path_and_forks(cloned_work: Work) -> None:
    await cloned_work.fork(A, B)
    before = await cloned_work.bench.worker.snapshot(MAIN)
    for name in (A, B):
        cloned_work.write(name, "README", name)
    cloned_work.write(A, "only-a", "x")
    commit = await cloned_work.commit(A, "bridle/a", "a")
    report = await cloned_work.merge(A, B)
    assert (report.status, value_of(report)["reason"]) == ("failed", "workspace-conflict")
    assert value_of(report)["conflicts"] == [{"kind": "path", "name": "README", "workspaces": [A, B]}]
    assert f"README ({A}, {B})" in str(value_of(report)["error"])
    assert await cloned_work.bench.worker.snapshot(MAIN) == before
    assert not cloned_work.mirror(MAIN).has_commit(commit)


async def test_commits_of_a_fork_come_along(cloned_work: Work, origin: Origin) -> None:
    await cloned_work.fork(A, B)
    commit = await cloned_work.commit(A, "bridle/fix", "fixed")
    report = await cloned_work.merge(A, B)
    assert value_of(report)["branches"] == {"bridle/fix": commit}
    pushed = await cloned_work.do("git.push", {"commit": commit, "branch": "bridle/fix"}, MAIN)
    assert pushed.status == "succeeded"
    assert origin.git("rev-parse", "bridle/fix") == commit


async def test_a_branch_that_one_fork_left_alone_is_not_put_back(cloned_work: Work) -> None:
    await cloned_work.commit(MAIN, "bridle/fix", "first")
    await cloned_work.fork(A, B)
    second = await cloned_work.commit(A, "bridle/fix", "second")
    for _ in range(2):  # the second time everything is there already
        report = await cloned_work.merge(A, B, restore_to=cloned_work.base)
        assert value_of(report)["branches"] == {"bridle/fix": second}
        assert cloned_work.mirror(MAIN).heads() == {"bridle/fix": second}


async def test_one_branch_at_two_commits_is_a_conflict(cloned_work: Work) -> None:
    await cloned_work.fork(A, B)
    for name in (A, B):
        await cloned_work.commit(name, "bridle/fix", name)
        cloned_work.write(name, "README", "the same")
    report = await cloned_work.merge(A, B)
    assert value_of(report)["conflicts"] == [{"kind": "branch", "name": "bridle/fix", "workspaces": [A, B]}]
    assert cloned_work.mirror(MAIN).heads() == {}


async def test_the_same_commit_in_two_forks_is_no_conflict(cloned_work: Work) -> None:
    await cloned_work.fork(A, B)
    made = {await cloned_work.commit(name, "bridle/fix", "the same") for name in (A, B)}
    assert (await cloned_work.merge(A, B)).status == "succeeded"
    assert {cloned_work.mirror(MAIN).heads()["bridle/fix"]} == made


async def test_a_branch_that_the_parent_moved_meanwhile_is_a_conflict(cloned_work: Work) -> None:
    await cloned_work.fork(A)
    await cloned_work.commit(A, "bridle/fix", "by the fork")
    await cloned_work.commit(MAIN, "bridle/fix", "by the parent")
    cloned_work.write(MAIN, "README", "calc\n")
    report = await cloned_work.merge(A)
    assert value_of(report)["conflicts"] == [
        {"kind": "branch", "name": "bridle/fix", "workspaces": [MAIN, A]}
    ]


async def test_a_clone_that_a_fork_made_comes_along(work: Work, origin: Origin) -> None:
    await work.fork(A, B)
    await work.do("git.clone", {"repository": str(origin.path), "branch": "main"}, A)
    assert value_of(await work.merge(A, B))["cloned"] is True
    assert work.read(MAIN, "README") == "calc\n"
    assert work.mirror(MAIN).clone() == work.mirror(A).clone()
    await work.commit(MAIN, "bridle/fix", "after the merge")


async def test_clones_of_two_commits_are_a_conflict(work: Work, origin: Origin) -> None:
    await work.fork(A, B)
    clone: dict[str, Json] = {"repository": str(origin.path), "branch": "main"}
    await work.do("git.clone", clone, A)
    origin.commit({"other": "x"})
    await work.do("git.clone", clone, B)
    conflicts = value_of(await work.merge(A, B))["conflicts"]
    assert conflicts == [{"kind": "clone", "name": "clone", "workspaces": [A, B]}]


async def test_a_parent_that_moved_is_not_merged_into(work: Work) -> None:
    await work.fork(A)
    work.write(MAIN, "meanwhile", "x")
    report = await work.merge(A)
    assert (report.status, value_of(report)["reason"]) == ("failed", "workspace-moved")
    assert work.read(MAIN, "meanwhile") == "x"


async def test_what_is_no_fork_of_this_workspace_is_not_merged(work: Work) -> None:
    work.write(A, "f", "x")
    work.base = EMPTY
    assert value_of(await work.merge(A))["reason"] == "not-a-fork"
    await work.fork(A)
    await work.fork(B, source=A)
    assert value_of(await work.merge(B))["reason"] == "not-a-fork"


async def test_a_fork_takes_what_another_has_made_and_brings_both_back(cloned_work: Work) -> None:
    await cloned_work.fork(A, B)
    cloned_work.write(A, "f", "by a")
    commit = await cloned_work.commit(A, "bridle/a", "changed by a")
    assert (await cloned_work.merge(A, into=B)).status == "succeeded"
    assert cloned_work.read(B, "f") == "by a"
    cloned_work.write(B, "f", "by b, after a")
    report = await cloned_work.merge(B)
    assert (report.status, cloned_work.read(MAIN, "f")) == ("succeeded", "by b, after a")
    assert value_of(report)["branches"] == {"bridle/a": commit}


async def test_a_fork_that_was_worked_in_takes_nothing(work: Work) -> None:
    await work.fork(A, B)
    work.write(A, "f", "by a")
    work.write(B, "g", "by b")
    report = await work.merge(A, into=B)
    assert (report.status, value_of(report)["reason"]) == ("failed", "workspace-moved")
    assert (work.read(B, "g"), work.bench.workspaces.is_here(B)) == ("by b", True)


async def test_a_fork_takes_nothing_of_one_that_began_elsewhere(work: Work) -> None:
    await work.fork(A)
    work.write(MAIN, "f", "x")
    await work.fork(B)
    work.write(A, "g", "by a")
    report = await work.merge(A, into=B)
    assert value_of(report)["reason"] == "base-differs"


async def test_a_fork_of_another_tree_is_not_merged(work: Work) -> None:
    await work.fork(A)
    work.write(MAIN, "f", "x")
    await work.fork(B)
    assert value_of(await work.merge(A, B))["reason"] == "base-differs"


async def test_forks_that_are_too_large_together_change_nothing(work: Work) -> None:
    await work.fork(A, B)
    for name in (A, B):
        for number in range(6):
            work.write(name, f"{name}-{number}", str(number) * 99_000)
    report = await work.merge(A, B)
    assert (report.status, value_of(report)["reason"]) == ("failed", "limit-total-size")
    assert await work.bench.worker.snapshot(MAIN) == work.base


class FakeCrash(BaseException):
    """Stands for the death of the process."""


async def test_a_merge_that_died_in_the_middle_is_done_again(
    cloned_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cloned_work.fork(A, B)
    commits = {branch: await cloned_work.commit(A, branch, branch) for branch in ("bridle/x", "bridle/y")}
    cloned_work.write(B, "made", "b")

    def die(*_: object, **__: object) -> None:
        raise FakeCrash

    with monkeypatch.context() as patch:
        patch.setattr(Mirror, "take_objects", die)
        with pytest.raises(FakeCrash):
            await cloned_work.merge(A, B)
    assert cloned_work.read(MAIN, "made") == "b"  # it did die in the middle
    assert cloned_work.mirror(MAIN).heads() == {}
    report = await cloned_work.merge(A, B, restore_to=cloned_work.base)
    assert value_of(report)["branches"] == commits == cloned_work.mirror(MAIN).heads()
    assert cloned_work.read(MAIN, "made") == "b"


async def test_dropped_forks_are_gone_and_can_be_dropped_again(cloned_work: Work) -> None:
    await cloned_work.fork(A, B)
    for _ in range(2):
        report = await cloned_work.do("workspace.drop", {"workspaces": [B, A]}, MAIN)
        assert (report.status, report.value) == ("succeeded", {"dropped": [A, B]})
        left = {path.name for folder in ("live", "mirrors") for path in _root(cloned_work, folder)}
        assert left == {MAIN}


@pytest.mark.parametrize("names", [[MAIN], ["exe_2.a"], [A, A]])
async def test_only_forks_of_the_execution_are_dropped(work: Work, names: list[Json]) -> None:
    work.write(MAIN, "kept", "x")
    work.write("exe_2.a", "kept", "x")
    with pytest.raises((TrustError, InputError)):
        await work.do("workspace.drop", {"workspaces": names}, MAIN)
    assert work.read(MAIN, "kept") == work.read("exe_2.a", "kept") == "x"


async def test_forks_are_made_and_merged_at_once_without_waiting_for_each_other(work: Work) -> None:
    await work.fork(A)
    async with asyncio.timeout(20):
        for _ in range(5):
            await asyncio.gather(work.merge(A), work.do("workspace.fork", {"source": MAIN}, A))


async def test_a_workspace_that_is_dropped_has_one_holder_still(work: Work) -> None:
    spaces = work.bench.workspaces
    inside: list[str] = []
    most = 0

    async def enter() -> None:
        nonlocal most
        async with spaces.held(A):
            inside.append(A)
            most = max(most, len(inside))
            await asyncio.sleep(0.05)
            inside.remove(A)

    async with spaces.held(A):
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0.05)
        spaces.drop(A)
        later = [asyncio.create_task(enter()) for _ in range(2)]
        await asyncio.sleep(0.01)
    await asyncio.gather(waiting, *later)
    assert most == 1


def _root(work: Work, folder: str) -> list[Path]:
    return list((work.bench.workspaces.mirror("x").parents[1] / folder).iterdir())
