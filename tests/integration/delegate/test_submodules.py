"""Submodules against real bare repositories that lie beside each other, and one that does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bridle.core.canonical import Json
from bridle.dispatch.protocol import Report
from integration.delegate.bench import REPAIR, Bench, Origin
from integration.delegate.test_git_tools import BRANCH, commit, value_of


def make_origin(path: Path) -> Origin:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    return Origin(path)


def with_submodule(origin: Origin, url: str, oid: str) -> str:
    """Commit `src/lib` as a submodule at a commit; return the commit."""
    text = f'[submodule "lib"]\n\tpath = src/lib\n\turl = {url}\n'
    files = {"README": "app\n", ".gitmodules": text, "src/lib": oid}
    return origin.commit(files, modes={"src/lib": "160000"})


@pytest.fixture
def library(reachable: Path) -> Origin:
    made = make_origin(reachable / "team" / "lib.git")
    made.commit({"lib.py": "first\n"})
    return made


@pytest.fixture
def app(reachable: Path) -> Origin:
    return make_origin(reachable / "team" / "app.git")


async def clone(bench: Bench, app: Origin, **more: Json) -> Report:
    arguments: dict[str, Json] = {"repository": str(app.path), "submodules": True, **more}
    bench.boundary = REPAIR
    return await bench.do("git.clone", arguments if more else {**arguments, "branch": "main"})


async def test_a_submodule_is_the_commit_that_the_clone_names(
    bench: Bench, app: Origin, library: Origin
) -> None:
    first = library.git("rev-parse", "main")
    library.commit({"lib.py": "second\n"}, parent=first)
    with_submodule(app, "../lib.git", first)
    assert (await clone(bench, app)).status == "succeeded"
    assert (bench.folder / "src/lib/lib.py").read_text() == "first\n"


async def test_a_submodule_of_a_submodule_comes_along(bench: Bench, app: Origin, library: Origin) -> None:
    inner = make_origin(app.path.parent / "inner.git")
    inner.commit({"deep": "yes\n"})
    middle = with_submodule(library, "../inner.git", inner.git("rev-parse", "main"))
    with_submodule(app, "../lib.git", middle)
    await clone(bench, app)
    assert (bench.folder / "src/lib/src/lib/deep").read_text() == "yes\n"


async def test_one_that_lies_elsewhere_is_refused_and_nothing_is_cloned(
    bench: Bench, app: Origin, reachable: Path
) -> None:
    private = make_origin(reachable / "private" / "keys.git")
    private.commit({"key": "secret\n"})
    for url in ("../../private/keys.git", str(private.path)):
        with_submodule(app, url, private.git("rev-parse", "main"))
        report = await clone(bench, app)
        assert (report.status, value_of(report)["reason"]) == ("failed", "submodule")
    assert list(bench.folder.iterdir()) == []


async def test_a_commit_that_is_not_there_fails_the_clone(bench: Bench, app: Origin, library: Origin) -> None:
    with_submodule(app, "../lib.git", "0" * 39 + "1")
    assert value_of(await clone(bench, app))["reason"] == "no-such-commit"


async def test_a_pull_request_has_none(bench: Bench, app: Origin, library: Origin) -> None:
    made = with_submodule(app, "../lib.git", library.git("rev-parse", "main"))
    app.git("update-ref", "refs/pull/1/head", made)
    report = await clone(bench, app, pull_request="1/head")
    assert (report.status, value_of(report)["reason"]) == ("failed", "bad-arguments")


async def test_a_commit_keeps_the_submodule_and_holds_nothing_of_it(
    bench: Bench, app: Origin, library: Origin
) -> None:
    first = library.git("rev-parse", "main")
    with_submodule(app, "../lib.git", first)
    await clone(bench, app)
    (bench.folder / "src/other").write_text("mine\n")
    made = value_of(await commit(bench))
    await bench.do("git.push", {"commit": made["commit"], "branch": BRANCH})
    assert app.git("rev-parse", f"{BRANCH}:src/lib") == first
    (bench.folder / "src/lib/lib.py").write_text("mine\n")
    report = await commit(bench)
    assert (report.status, value_of(report)["reason"]) == ("failed", "in-submodule")
