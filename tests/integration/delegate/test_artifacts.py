"""Artifacts: kept by digest, put back in the same execution, refused where they could reach outside."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.dispatch.protocol import Report
from integration.delegate.bench import Bench

MAIN, FORK, STRANGER = "exe_1", "exe_1.a", "exe_2"


def write(bench: Bench, path: str, text: str = "x", *, workspace: str = MAIN) -> None:
    file = bench.workspaces.folder(workspace) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def read(bench: Bench, path: str, *, workspace: str) -> str:
    return (bench.workspaces.folder(workspace) / path).read_text()


async def save(bench: Bench, path: str, *, workspace: str = MAIN) -> Report:
    return await bench.do("artifact.save", {"name": "dist", "path": path}, workspace=workspace)


async def load(bench: Bench, saved: Report, path: str, *, workspace: str = FORK, **changed: str) -> Report:
    value = value_of(saved)
    arguments: dict[str, Json] = {"name": "dist", "digest": value["digest"], "path": path, **changed}
    return await bench.do("artifact.load", arguments, workspace=workspace)


def value_of(report: Report) -> Mapping[str, Json]:
    assert isinstance(report.value, Mapping)
    return report.value


def reason_of(report: Report) -> Json:
    assert report.status == "failed"
    return value_of(report)["reason"]


async def test_a_folder_is_kept_and_put_below_another_path(bench: Bench) -> None:
    write(bench, "dist/app", "app")
    write(bench, "dist/deep/lib", "library")
    (bench.workspaces.folder(MAIN) / "dist/app").chmod(0o755)
    saved = await save(bench, "dist")
    assert (value_of(saved)["files"], value_of(saved)["size_bytes"]) == (2, 10)
    report = await load(bench, saved, "got/it")
    assert value_of(report) == {**value_of(saved), "path": "got/it"}
    assert report.facts["tree"] == await bench.worker.snapshot(FORK)
    assert read(bench, "got/it/deep/lib", workspace=FORK) == "library"
    assert (bench.workspaces.folder(FORK) / "got/it/app").stat().st_mode & 0o111


async def test_a_file_becomes_the_path_it_is_loaded_to(bench: Bench) -> None:
    write(bench, "dist/app", "app")
    saved = await save(bench, "dist/app")
    assert (await load(bench, saved, "bin/tool")).status == "succeeded"
    assert read(bench, "bin/tool", workspace=FORK) == "app"


async def test_the_whole_workspace_can_be_kept(bench: Bench) -> None:
    write(bench, "a/b", "x")
    assert (await load(bench, await save(bench, "."), ".")).status == "succeeded"
    assert read(bench, "a/b", workspace=FORK) == "x"


async def test_the_same_content_has_the_same_digest_wherever_it_lay(bench: Bench) -> None:
    write(bench, "one/f", "x")
    write(bench, "two/f", "x")
    assert (await save(bench, "one")).value == (await save(bench, "two")).value


async def test_a_report_in_the_scratch_folder_can_be_kept(bench: Bench) -> None:
    write(bench, ".bridle/reports/r.xml", "<t/>")
    assert value_of(await save(bench, ".bridle/reports"))["files"] == 1


async def test_loading_replaces_files_and_leaves_the_others(bench: Bench) -> None:
    write(bench, "dist/app", "new")
    write(bench, "dist/app", "old", workspace=FORK)
    write(bench, "dist/other", "other", workspace=FORK)
    await load(bench, await save(bench, "dist"), "dist")
    assert read(bench, "dist/app", workspace=FORK) == "new"
    assert read(bench, "dist/other", workspace=FORK) == "other"


async def test_what_another_execution_saved_is_not_there(bench: Bench) -> None:
    write(bench, "dist/app")
    saved = await save(bench, "dist")
    assert reason_of(await load(bench, saved, "dist", workspace=STRANGER)) == "no-such-artifact"


async def test_an_artifact_is_found_under_its_own_name_only(bench: Bench) -> None:
    write(bench, "dist/app")
    assert reason_of(await load(bench, await save(bench, "dist"), "dist", name="other")) == "no-such-artifact"


async def test_the_tree_of_a_workspace_is_no_artifact(bench: Bench) -> None:
    write(bench, "f")
    tree = await bench.worker.snapshot(MAIN)
    arguments: dict[str, Json] = {"name": "dist", "digest": tree, "path": "got"}
    assert reason_of(await bench.do("artifact.load", arguments, workspace=MAIN)) == "no-such-artifact"


@pytest.mark.parametrize("path", ["/etc", "../exe_2", "a/../../exe_2"])
async def test_a_path_that_leaves_the_workspace_is_refused(bench: Bench, path: str) -> None:
    write(bench, "f", workspace="exe_2")
    assert reason_of(await save(bench, path)) == "outside-workspace"
    write(bench, "g")
    assert reason_of(await load(bench, await save(bench, "g"), path)) == "outside-workspace"


async def test_links_are_neither_kept_nor_followed(bench: Bench) -> None:
    write(bench, "dist/f")
    folder = bench.workspaces.folder(MAIN)
    (folder / "dist/link").symlink_to("/etc/passwd")
    (folder / "out").symlink_to("/etc")
    for path in ("dist", "dist/link", "out", "out/passwd"):
        assert reason_of(await save(bench, path)) in {"symbolic-link", "not-a-folder"}


async def test_nothing_is_written_through_a_link(bench: Bench) -> None:
    write(bench, "f")
    outside = bench.workspaces.folder("exe_2")
    (bench.workspaces.folder(FORK) / "out").symlink_to(outside)
    saved = await save(bench, "f")
    assert (await load(bench, saved, "out/f")).status == "failed"
    assert list(outside.iterdir()) == []


async def test_what_may_not_be_written_is_not_loaded(bench: Bench) -> None:
    write(bench, "dist/tests/t")
    saved = await save(bench, "dist")
    bench.boundary = Boundary(write=("src/**",), protect=("**/tests/**",))
    with pytest.raises(TrustError, match="may not be written"):
        await load(bench, saved, "src")
    assert not (bench.workspaces.folder(FORK) / "src").exists()


async def test_a_file_does_not_take_the_place_of_a_folder(bench: Bench) -> None:
    write(bench, "dist/a", "new")
    write(bench, "dist/b", "new")
    write(bench, "dist/a", "old", workspace=FORK)
    write(bench, "dist/b/deep", "kept", workspace=FORK)
    before = await bench.worker.snapshot(FORK)
    assert reason_of(await load(bench, await save(bench, "dist"), "dist")) == "not-a-file"
    assert await bench.worker.snapshot(FORK) == before


async def test_what_is_too_much_for_the_workspace_is_undone(bench: Bench) -> None:
    for number in range(9):
        write(bench, f"dist/{number}", str(number) * 90_000)
        write(bench, f"own/{number}", str(number) * 90_000, workspace=FORK)
    before = await bench.worker.snapshot(FORK)
    assert reason_of(await load(bench, await save(bench, "dist"), "dist")) == "limit-total-size"
    assert await bench.worker.snapshot(FORK) == before


async def test_a_file_above_the_limit_is_not_kept(bench: Bench) -> None:
    write(bench, "big", "x" * 100_001)
    assert reason_of(await save(bench, "big")) == "limit-file-size"


async def test_a_path_that_is_not_there_is_named(bench: Bench) -> None:
    assert reason_of(await save(bench, "dist")) == "not-found"
