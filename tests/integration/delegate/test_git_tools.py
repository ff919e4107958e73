"""Clone, commit, push and verify, against a real git and a bare origin."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.core.errors import TrustError, UnavailableError
from bridle.delegate.effectors import git as git_effector
from bridle.delegate.git_program import GitProgram
from bridle.delegate.sandbox.policy import SandboxResult
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report
from integration.delegate.bench import FILES, REPAIR, Bench, FakeSandbox, Origin, build_bench, ended

FIXED = "def add(a, b):\n    return a + b\n"
BRANCH = "bridle/fix"


async def commit(bench: Bench, *, message: str = "Add, not subtract", branch: str = BRANCH) -> Report:
    tree = await bench.worker.snapshot("w")
    return await bench.do("git.commit", {"branch": branch, "message": message}, expect={"tree": tree})


def value_of(report: Report) -> dict[str, Json]:
    assert isinstance(report.value, dict)
    return report.value


async def test_a_clone_is_the_files_of_the_branch_and_no_git_folder(cloned: Bench, origin: Origin) -> None:
    found = {
        str(p.relative_to(cloned.folder)): p.read_text() for p in cloned.folder.rglob("*") if p.is_file()
    }
    assert found == FILES


async def test_a_clone_puts_away_what_lay_there(cloned: Bench, origin: Origin) -> None:
    (cloned.folder / "stray").write_text("x")
    report = await cloned.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert report.value == {"commit": origin.git("rev-parse", "main"), "branch": "main"}
    assert not (cloned.folder / "stray").exists()


async def test_a_tag_is_the_commit_it_stands_for(bench: Bench, origin: Origin) -> None:
    first = origin.git("rev-parse", "main")
    origin.git("tag", "-a", "v1", "-m", "one", first)
    origin.commit({"README": "later\n"}, parent=first)
    report = await bench.do("git.clone", {"repository": str(origin.path), "tag": "v1"})
    assert report.value == {"commit": first, "tag": "v1"}
    assert (bench.folder / "README").read_text() == FILES["README"]
    bench.boundary = REPAIR
    (bench.folder / "src/calc.py").write_text(FIXED)
    made = await commit(bench)
    assert value_of(made)["parent"] == first


@pytest.mark.parametrize("folder", ["pull", "merge-requests"])
@pytest.mark.parametrize("which", ["head", "merge"])
async def test_a_pull_request_is_what_the_forge_calls_so(
    bench: Bench, origin: Origin, folder: str, which: str
) -> None:
    first = origin.git("rev-parse", "main")
    proposed = origin.commit({"README": f"{which}\n"}, parent=first)
    origin.git("update-ref", f"refs/{folder}/12/{which}", proposed)
    origin.git("update-ref", "refs/heads/main", first)
    arguments: dict[str, Json] = {"repository": str(origin.path), "pull_request": f"12/{which}"}
    report = await bench.do("git.clone", arguments)
    assert report.value == {"commit": proposed, "pull_request": f"12/{which}"}
    assert (bench.folder / "README").read_text() == f"{which}\n"


SPARSE = {
    "README": "r\n",
    "src/top": "t\n",
    "src/a/one": "1\n",
    "src/a/deep/two": "2\n",
    "src/b/three": "3\n",
    "docs/four": "4\n",
}


@pytest.fixture
async def sparse(bench: Bench, origin: Origin) -> Bench:
    origin.commit(SPARSE)
    arguments: dict[str, Json] = {
        "repository": str(origin.path),
        "branch": "main",
        "folders": ["src/a"],
    }
    report = await bench.do("git.clone", arguments)
    assert report.status == "succeeded"
    bench.boundary = REPAIR
    return bench


async def test_a_sparse_clone_is_its_folders_and_the_files_above_them(sparse: Bench) -> None:
    found = sorted(str(p.relative_to(sparse.folder)) for p in sparse.folder.rglob("*") if p.is_file())
    assert found == ["README", "src/a/deep/two", "src/a/one", "src/top"]


async def test_a_commit_keeps_what_a_sparse_clone_left_out(sparse: Bench, origin: Origin) -> None:
    (sparse.folder / "src/a/one").write_text("better\n")
    made = value_of(await commit(sparse))
    assert made["changed"] == ["src/a/one"]
    await sparse.do("git.push", {"commit": made["commit"], "branch": BRANCH})
    listed = origin.git("ls-tree", "-r", "--name-only", BRANCH).split()
    assert listed == sorted(SPARSE)


@pytest.mark.parametrize("path", ["src/b/three", "docs"])
async def test_nothing_takes_the_place_of_what_was_left_out_unseen(sparse: Bench, path: str) -> None:
    file = sparse.folder / path
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine\n")
    report = await commit(sparse)
    assert (report.status, value_of(report)["reason"]) == ("failed", "left-out")


@pytest.mark.parametrize("gives_ids", ["true", "false"])
async def test_a_commit_is_that_commit_however_the_origin_gives_it(
    bench: Bench, origin: Origin, gives_ids: str
) -> None:
    first = origin.git("rev-parse", "main")
    origin.git("config", "uploadpack.allowAnySHA1InWant", gives_ids)
    origin.commit({"README": "later\n"}, parent=first)
    report = await bench.do("git.clone", {"repository": str(origin.path), "commit": first})
    assert report.value == {"commit": first}
    assert (bench.folder / "README").read_text() == FILES["README"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"commit": "0" * 39 + "1"}, "no-such-commit"),
        ({"commit": "TAG"}, "commit-differs"),
        ({"commit": "abc1234"}, "bad-arguments"),
        ({"tag": "v9"}, "no-such-tag"),
        ({"tag": "a..b"}, "bad-tag"),
        ({"pull_request": "99/head"}, "no-such-pull-request"),
        ({"branch": "main", "tag": "v1"}, "bad-arguments"),
        ({}, "bad-arguments"),
        ({"branch": "main", "path": "../out"}, "outside-workspace"),
        ({"branch": "main", "path": ".bridle/x"}, "bad-name"),
        ({"branch": "main", "path": "a/.git"}, "bad-name"),
        ({"branch": "main", "path": "."}, "bad-name"),
    ],
)
async def test_what_cannot_be_had_is_not_cloned(
    bench: Bench, origin: Origin, wanted: dict[str, Json], reason: str
) -> None:
    origin.git("tag", "-a", "v1", "-m", "one", "main")
    asked = {name: origin.git("rev-parse", "v1") if text == "TAG" else text for name, text in wanted.items()}
    report = await bench.do("git.clone", {"repository": str(origin.path), **asked})
    assert (report.status, value_of(report)["reason"]) == ("failed", reason)
    assert [path for path in bench.folder.rglob("*") if path.is_file()] == []


async def test_a_depth_leaves_older_commits_where_they_are_and_a_change_can_be_pushed(
    bench: Bench, origin: Origin
) -> None:
    first = origin.git("rev-parse", "main")
    origin.commit(FILES, parent=first)
    # git shares the objects of a plain path; a URL is fetched from
    repository = f"file://{origin.path}"
    await bench.do("git.clone", {"repository": repository, "branch": "main", "depth": 1})
    mirror = bench.workspaces.mirror("w") / "git"
    assert (mirror / "shallow").exists()
    bench.boundary = REPAIR
    (bench.folder / "src/calc.py").write_text(FIXED)
    made = value_of(await commit(bench))
    assert GitProgram(mirror).run("cat-file", "-e", first).returncode != 0
    pushed = await bench.do("git.push", {"commit": made["commit"], "branch": BRANCH})
    assert (pushed.status, origin.git("rev-parse", BRANCH)) == ("succeeded", made["commit"])


async def test_a_clone_into_a_folder_keeps_what_lies_beside_it(cloned: Bench, origin: Origin) -> None:
    (cloned.folder / "lib/old").mkdir(parents=True)
    (cloned.folder / "lib/old/gone").write_text("x")
    (cloned.folder / "lib/stays").write_text("y")
    report = await cloned.do(
        "git.clone", {"repository": str(origin.path), "branch": "main", "path": "lib/old"}
    )
    assert report.status == "succeeded"
    assert not (cloned.folder / "lib/old/gone").exists()
    assert (cloned.folder / "lib/old/README").read_text() == FILES["README"]
    assert (cloned.folder / "lib/stays").read_text() == "y"
    assert (cloned.folder / "README").read_text() == FILES["README"]


async def test_a_folder_is_not_put_where_a_file_is(cloned: Bench, origin: Origin) -> None:
    report = await cloned.do(
        "git.clone", {"repository": str(origin.path), "branch": "main", "path": "README/x"}
    )
    assert value_of(report)["reason"] == "path-taken"
    assert (cloned.folder / "README").read_text() == FILES["README"]


@pytest.mark.parametrize(
    ("path", "content", "mode", "reason"),
    [
        ("mod", "0" * 39 + "1", "160000", "submodule"),
        ("l", "../../etc/passwd", "120000", "link-leaves-tree"),
        ("l", "/etc/passwd", "120000", "link-leaves-tree"),
        ("a/l", "x/../../../y", "120000", "link-leaves-tree"),
        ("big", "x" * 100_001, "100644", "limit-file-size"),
        ("1/2/3/4/5/6/7/8/9/10", "deep", "100644", "limit-depth"),
    ],
)
async def test_a_repository_that_attacks_is_not_cloned(
    bench: Bench, origin: Origin, path: str, content: str, mode: str, reason: str
) -> None:
    origin.commit({**FILES, path: content}, modes={path: mode})
    report = await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert (report.status, value_of(report)["reason"]) == ("failed", reason)
    assert list(bench.folder.rglob("*")) == []


async def test_a_link_inside_the_tree_stays_a_link(bench: Bench, origin: Origin) -> None:
    origin.commit({**FILES, "src/l": "../README"}, modes={"src/l": "120000"})
    report = await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert report.status == "succeeded"
    assert (bench.folder / "src/l").readlink() == Path("../README")


async def test_attributes_of_a_repository_do_not_change_its_files(bench: Bench, origin: Origin) -> None:
    origin.commit({"a.txt": "one\ntwo\n", ".gitattributes": "*.txt text eol=crlf ident filter=evil\n"})
    await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert (bench.folder / "a.txt").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize(
    "repository", ["relative/path", "ext::sh -c true", "--upload-pack=touch x", "git://x/y"]
)
async def test_a_repository_that_git_could_misread_is_refused(bench: Bench, repository: str) -> None:
    report = await bench.do("git.clone", {"repository": repository, "branch": "main"})
    assert (report.status, value_of(report)["reason"]) == ("failed", "bad-repository")


async def test_a_missing_branch_and_a_missing_origin_are_told_apart(bench: Bench, origin: Origin) -> None:
    report = await bench.do("git.clone", {"repository": str(origin.path), "branch": "other"})
    assert value_of(report)["reason"] == "no-such-branch"
    with pytest.raises(UnavailableError, match="does not answer"):
        await bench.do("git.clone", {"repository": str(origin.path) + "x", "branch": "main"})


async def test_a_commit_holds_the_change_and_nothing_else(cloned: Bench, origin: Origin) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    (cloned.folder / "new").mkdir()
    value = value_of(await commit(cloned))
    base = origin.git("rev-parse", "main")
    assert value == {"commit": value["commit"], "branch": BRANCH, "parent": base, "changed": ["src/calc.py"]}


async def test_a_commit_is_of_the_tree_that_was_named_not_of_the_folder(
    cloned: Bench, origin: Origin
) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    tree = await cloned.worker.snapshot("w")
    (cloned.folder / "src/calc.py").write_text("import os; os.system('evil')\n")
    report = await cloned.do("git.commit", {"branch": BRANCH, "message": "m"}, expect={"tree": tree})
    made = str(value_of(report)["commit"])
    await cloned.do("git.push", {"commit": made, "branch": BRANCH})
    assert origin.git("show", f"{made}:src/calc.py") == FIXED.strip()


async def test_the_same_change_is_the_same_commit_in_another_place(
    cloned: Bench, origin: Origin, reachable: Path, fake_sandbox: FakeSandbox
) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    first = value_of(await commit(cloned))
    other = build_bench(Workspaces(reachable / "elsewhere"), fake_sandbox)
    await other.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    (other.folder / "src/calc.py").write_text(FIXED)
    assert value_of(await commit(other)) == first


async def test_a_commit_is_dated_after_its_parent_and_signed_by_the_principal(
    cloned: Bench, origin: Origin
) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    made = value_of(await commit(cloned))["commit"]
    await cloned.do("git.push", {"commit": made, "branch": BRANCH})
    said = origin.git("show", "-s", "--format=%an|%ae|%at|%ct|%s", str(made))
    assert (
        said == "agent:bridle.fixer|agent.bridle.fixer@bridle.invalid|1000000001|1000000001|Add, not subtract"
    )


async def test_committing_again_gives_the_commit_that_is_there(cloned: Bench) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    assert value_of(await commit(cloned)) == value_of(await commit(cloned))


async def test_a_second_commit_takes_the_place_of_the_first(cloned: Bench, origin: Origin) -> None:
    base = origin.git("rev-parse", "main")
    (cloned.folder / "src/evil.py").write_text("import os\n")
    first = value_of(await commit(cloned))
    (cloned.folder / "src/evil.py").unlink()
    (cloned.folder / "src/calc.py").write_text(FIXED)
    second = value_of(await commit(cloned, message="More"))
    await cloned.do("git.push", {"commit": second["commit"], "branch": BRANCH})
    assert first["changed"] == ["src/evil.py"]
    assert (second["parent"], second["changed"]) == (base, ["src/calc.py"])
    assert origin.git("rev-list", BRANCH).split() == [second["commit"], base]
    assert "evil" not in origin.git("log", "--name-only", BRANCH)


async def test_a_commit_carries_the_message_it_was_given_also_when_the_tree_is_there_already(
    cloned: Bench, origin: Origin
) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    await commit(cloned, message="Misleading")
    made = value_of(await commit(cloned, message="Honest"))["commit"]
    await cloned.do("git.push", {"commit": made, "branch": BRANCH})
    assert origin.git("log", "--format=%s", f"main..{BRANCH}") == "Honest"


async def test_taking_everything_back_leaves_nothing_to_commit(cloned: Bench) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    await commit(cloned)
    (cloned.folder / "src/calc.py").write_text(FILES["src/calc.py"])
    assert value_of(await commit(cloned))["reason"] == "no-change"


async def test_after_another_clone_a_commit_stands_on_what_was_cloned_last(
    cloned: Bench, origin: Origin
) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    await commit(cloned)
    later = origin.commit({**FILES, "other": "x"}, parent=origin.git("rev-parse", "main"))
    await cloned.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    (cloned.folder / "src/calc.py").write_text(FIXED)
    assert value_of(await commit(cloned))["parent"] == later


async def test_nothing_changed_is_nothing_to_commit(cloned: Bench) -> None:
    report = await commit(cloned)
    assert (report.status, value_of(report)["reason"]) == ("failed", "no-change")


async def test_deletions_links_and_modes_are_committed(cloned: Bench, origin: Origin) -> None:
    (cloned.folder / "README").unlink()
    (cloned.folder / "README").mkdir()
    (cloned.folder / "README/inner").write_text("x")
    (cloned.folder / "src/calc.py").chmod(0o755)
    (cloned.folder / "l").symlink_to("src")
    value = value_of(await commit(cloned))
    assert value["changed"] == ["README", "README/inner", "l", "src/calc.py"]
    await cloned.do("git.push", {"commit": value["commit"], "branch": BRANCH})
    modes = {line.split()[3]: line.split()[0] for line in origin.git("ls-tree", "-r", BRANCH).splitlines()}
    assert (modes["l"], modes["src/calc.py"], "README" in modes) == ("120000", "100755", False)


async def test_files_that_a_tree_leaves_out_stay_in_the_commit(bench: Bench, origin: Origin) -> None:
    origin.commit({**FILES, "x.pyc": "kept", ".bridle/note": "kept"})
    await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    (bench.folder / "src/calc.py").write_text(FIXED)
    value = value_of(await commit(bench))
    await bench.do("git.push", {"commit": value["commit"], "branch": BRANCH})
    assert value["changed"] == ["src/calc.py"]
    assert origin.git("show", f"{BRANCH}:x.pyc") == "kept"


async def test_git_files_in_the_workspace_have_no_effect(cloned: Bench, reachable: Path) -> None:
    canary = reachable / "canary"
    hooks = cloned.folder / ".git/hooks"
    hooks.mkdir(parents=True)
    for name in ("pre-commit", "post-commit", "pre-push", "reference-transaction", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {canary}\n")
        (hooks / name).chmod(0o755)
    (cloned.folder / ".git/config").write_text(
        f"[core]\n\tfsmonitor = touch {canary}\n\thooksPath = {hooks}\n"
    )
    (cloned.folder / ".gitattributes").write_text("* filter=evil\n")
    (cloned.folder / "src/calc.py").write_text(FIXED)
    tree = await cloned.worker.snapshot("w")
    await cloned.do("workspace.verify", {"tree": tree})
    await cloned.do("git.push", {"commit": "0" * 40, "branch": BRANCH})
    assert not canary.exists()


async def test_a_git_folder_cannot_be_committed(cloned: Bench) -> None:
    (cloned.folder / ".git").mkdir()
    (cloned.folder / ".git/config").write_text("[core]\n")
    report = await commit(cloned)
    assert (report.status, value_of(report)["reason"]) == ("failed", "bad-name")


@pytest.mark.parametrize("branch", ["a..b", "x.lock", "a//b", "-x"])
async def test_a_branch_git_would_not_take_is_refused(cloned: Bench, branch: str) -> None:
    (cloned.folder / "src/calc.py").write_text(FIXED)
    report = await commit(cloned, branch=branch)
    assert (report.status, value_of(report)["reason"]) == ("failed", "bad-branch")


async def test_a_commit_without_a_named_tree_is_refused(cloned: Bench) -> None:
    with pytest.raises(TrustError, match="names no tree"):
        await cloned.do("git.commit", {"branch": BRANCH, "message": "m"})


async def test_a_commit_of_a_tree_nobody_took_is_refused(cloned: Bench) -> None:
    with pytest.raises(TrustError, match="expects tree"):
        await cloned.do(
            "git.commit", {"branch": BRANCH, "message": "m"}, expect={"tree": "sha256:" + "0" * 64}
        )


async def fixed(bench: Bench) -> str:
    (bench.folder / "src/calc.py").write_text(FIXED)
    return str(value_of(await commit(bench))["commit"])


async def test_a_push_moves_the_branch_once(cloned: Bench, origin: Origin) -> None:
    made, before = await fixed(cloned), origin.git("rev-parse", "main")
    first = await cloned.do("git.push", {"commit": made, "branch": "main"})
    again = await cloned.do("git.push", {"commit": made, "branch": "main"})
    about = {"commit": made, "branch": "main", "repository": str(origin.path), "workspace": "w"}
    assert first.value == {**about, "updated": True, "previous": before}
    assert again.value == {**about, "updated": False, "previous": made}
    assert origin.git("rev-parse", "main") == made


async def test_a_push_is_never_forced(cloned: Bench, origin: Origin) -> None:
    made = await fixed(cloned)
    other = origin.commit({**FILES, "other": "x"}, parent=origin.git("rev-parse", "main"))
    report = await cloned.do("git.push", {"commit": made, "branch": "main"})
    assert (report.status, value_of(report)["reason"]) == ("failed", "non-fast-forward")
    assert origin.git("rev-parse", "main") == other


async def test_a_push_the_origin_refuses_has_failed(cloned: Bench, origin: Origin) -> None:
    hook = origin.path / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    report = await cloned.do("git.push", {"commit": await fixed(cloned), "branch": "main"})
    assert (report.status, value_of(report)["reason"]) == ("failed", "push-rejected")


async def test_an_unknown_commit_is_not_pushed(cloned: Bench) -> None:
    report = await cloned.do("git.push", {"commit": "0" * 40, "branch": "main"})
    assert (report.status, value_of(report)["reason"]) == ("failed", "no-such-commit")


async def test_look_up_finds_a_push_that_was_made_and_then_built_upon(cloned: Bench, origin: Origin) -> None:
    made = await fixed(cloned)
    task = cloned.task("git.push", {"commit": made, "branch": "main"})
    assert await cloned.worker.look_up(task) is None
    pushed = await cloned.worker.carry_out(task)
    origin.commit({**FILES, "later": "x"}, parent=made)
    found = await cloned.worker.look_up(task)
    assert found is not None
    assert (found.status, found.value) == ("succeeded", {**value_of(pushed), "previous": None})


async def test_look_up_of_a_branch_that_is_not_there_finds_nothing(cloned: Bench) -> None:
    task = cloned.task("git.push", {"commit": await fixed(cloned), "branch": "fresh"})
    assert await cloned.worker.look_up(task) is None


async def test_a_push_that_broke_off_with_the_origin_gone_is_unknown(
    cloned: Bench, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await fixed(cloned)
    real = GitProgram.run

    def fake_break(self: GitProgram, *arguments: str, **options: object) -> object:
        if arguments[0] == "push":
            origin.path.rename(origin.path.with_name("gone"))
            raise UnavailableError("git push did not end")
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(git_effector.Mirror(Path("/x")).git.__class__, "run", fake_break)
    report = await cloned.do("git.push", {"commit": made, "branch": "main"})
    assert (report.status, value_of(report)["reason"]) == ("unknown", "push-unknown")


def write_report(tests: int, failing: int) -> object:
    cases = "".join(
        f"<testcase classname='t' name='n{n}'>{'<failure/>' if n < failing else ''}</testcase>"
        for n in range(tests)
    )

    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/reports").mkdir(exist_ok=True)
        (folder / ".bridle/reports/r.xml").write_text(f"<testsuite>{cases}</testsuite>")
        return ended(1 if failing else 0)

    return behave


async def verify(bench: Bench) -> dict[str, Json]:
    tree = await bench.worker.snapshot("w")
    report = await bench.do("workspace.verify", {"tree": tree})
    assert report.status == "succeeded"
    return value_of(report)


async def test_verification_names_what_changed_and_what_may_not(
    cloned: Bench, fake_sandbox: FakeSandbox
) -> None:
    fake_sandbox.behave = write_report(3, 0)  # type: ignore[assignment]
    (cloned.folder / "src/calc.py").write_text(FIXED)
    (cloned.folder / "src/tests/test_calc.py").write_text("")
    (cloned.folder / "README").unlink()
    value = await verify(cloned)
    assert value["changed"] == ["README", "src/calc.py", "src/tests/test_calc.py"]
    assert value["outside"] == ["README", "src/tests/test_calc.py"]
    assert "-    return a - b\n+    return a + b\n" in str(value["difference"])
    assert "+++ /dev/null\n-calc\n" in str(value["difference"])


async def test_verification_runs_the_suite_on_the_snapshot(cloned: Bench, fake_sandbox: FakeSandbox) -> None:
    fake_sandbox.behave = write_report(3, 1)  # type: ignore[assignment]
    suite = (await verify(cloned))["suite"]
    assert isinstance(suite, dict)
    assert {name: suite[name] for name in ("exit_code", "why", "tests", "failures", "errors", "skipped")} == {
        "exit_code": 1,
        "why": "exit",
        "tests": 3,
        "failures": 1,
        "errors": 0,
        "skipped": 0,
    }
    (policy,) = fake_sandbox.policies
    assert policy.workspace != cloned.folder
    assert (policy.writable, policy.read_only) == (("src",), ("src/tests",))
    assert not policy.workspace.exists()


async def test_a_suite_that_wrote_no_report_is_not_green(cloned: Bench) -> None:
    suite = (await verify(cloned))["suite"]
    assert isinstance(suite, dict)
    assert (suite["exit_code"], suite["why"], suite["tests"]) == (-1, "no-report", 0)


async def test_without_a_suite_there_is_no_result_of_one(cloned: Bench) -> None:
    cloned.boundary = type(REPAIR)(write=("src/**",))
    assert (await verify(cloned))["suite"] is None


async def test_a_difference_too_long_is_cut_and_says_so(cloned: Bench) -> None:
    (cloned.folder / "src/long.py").write_text("x = 1\n" * 15_000)
    (cloned.folder / "src/b.bin").write_bytes(os.urandom(64) + b"\0")
    difference = str((await verify(cloned))["difference"])
    assert len(difference) < 70_000
    assert difference.endswith("[the difference is cut after 64000 characters]\n")
    assert "src/b.bin: not shown" in difference


async def test_the_paths_of_a_commit_are_told_with_what_is_hidden_in_them(cloned: Bench) -> None:
    (cloned.folder / "src/a\u202eb\n").write_text("x\n")
    value = value_of(await commit(cloned))
    assert value["changed"] == ["src/a\\u202eb\\u000a"]
