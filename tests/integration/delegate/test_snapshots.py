"""Snapshots and their restoration, on a real file system."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bridle.core.errors import ExecutionError, InputError, TrustError, UnavailableError
from bridle.delegate import disk
from bridle.delegate.snapshot import Snapshots
from bridle.delegate.tree import Kind
from bridle.delegate.workspace import Workspaces


def fill(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src/a.py").write_text("a = 1\n")
    (folder / "run.sh").write_text("true\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("src/a.py")
    (folder / "empty").mkdir()


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): "link"
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
        if ".bridle" not in path.parts
    }


def test_same_content_has_the_same_digest_in_another_folder(workspaces: Workspaces) -> None:
    fill(workspaces.folder("one"))
    fill(workspaces.folder("two"))
    assert workspaces.snapshot("one") == workspaces.snapshot("two")


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "src/a.py").write_text("a = 2\n"),
        lambda f: (f / "src/a.py").chmod(0o755),
        lambda f: (f / "new").write_text(""),
        lambda f: (f / "empty").rmdir(),
        lambda f: ((f / "link").unlink(), (f / "link").symlink_to("run.sh")),
    ],
    ids=["content", "mode", "file", "folder", "link"],
)
def test_any_change_changes_the_digest(workspaces: Workspaces, change: object) -> None:
    folder = workspaces.folder("w")
    fill(folder)
    before = workspaces.snapshot("w")
    change(folder)  # type: ignore[operator]
    assert workspaces.snapshot("w") != before


def test_a_change_of_the_same_size_with_the_old_times_is_seen(workspaces: Workspaces) -> None:
    file = workspaces.folder("w") / "a"
    file.write_text("one")
    time.sleep(0.15)
    before = workspaces.snapshot("w")
    assert workspaces.snapshot("w") == before
    times = file.stat()
    file.write_text("two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert workspaces.snapshot("w") != before


def test_an_unchanged_file_is_not_read_again(workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspaces.folder("w") / "a").write_text("one")
    time.sleep(0.15)
    before = workspaces.snapshot("w")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("bridle.delegate.snapshot.read_file", refuse)
    assert workspaces.snapshot("w") == before


def test_restore_puts_back_and_removes_what_is_new(workspaces: Workspaces) -> None:
    folder = workspaces.folder("w")
    fill(folder)
    before, tree = everything(folder), workspaces.snapshot("w")
    (folder / "src/a.py").unlink()
    (folder / "src/a.py").mkdir()
    (folder / "src/__pycache__").mkdir()
    (folder / "run.sh").chmod(0o644)
    (folder / "link").unlink()
    (folder / "link").symlink_to("/etc")
    (folder / "empty").rmdir()
    os.mkfifo(folder / "pipe")
    os.link(folder / "run.sh", folder / "second")
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/x").write_text("x")
    (folder / "deep").chmod(0)
    workspaces.restore("w", tree)
    assert everything(folder) == before
    assert workspaces.snapshot("w") == tree


def test_restore_leaves_the_target_of_a_swapped_folder_alone(workspaces: Workspaces, tmp_path: Path) -> None:
    folder = workspaces.folder("w")
    fill(folder)
    tree = workspaces.snapshot("w")
    (tmp_path / "a.py").write_text("mine")
    (folder / "src/a.py").unlink()
    (folder / "src").rmdir()
    (folder / "src").symlink_to(tmp_path)
    workspaces.restore("w", tree)
    assert (tmp_path / "a.py").read_text() == "mine"
    assert (folder / "src/a.py").read_text() == "a = 1\n"


def test_restore_keeps_the_scratch_folder(workspaces: Workspaces) -> None:
    folder = workspaces.folder("w")
    tree = workspaces.snapshot("w")
    (folder / ".bridle").mkdir(exist_ok=True)
    (folder / ".bridle/report.xml").write_text("<x/>")
    workspaces.restore("w", tree)
    assert (folder / ".bridle/report.xml").exists()
    assert workspaces.snapshot("w") == tree


def test_a_nesting_too_deep_to_walk_is_refused_and_can_be_removed(workspaces: Workspaces) -> None:
    folder = workspaces.folder("w")
    tree = workspaces.snapshot("w")
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    with pytest.raises(ExecutionError, match="depth"):
        workspaces.snapshot("w")
    workspaces.restore("w", tree)
    assert list(folder.iterdir()) in ([], [folder / ".bridle"])


@pytest.mark.parametrize(
    ("break_it", "limit"),
    [
        (lambda f: (f / "big").write_bytes(b"x" * 100_001), "file-size"),
        (lambda f: [(f / f"b{n}").write_bytes(b"x" * 99_000) for n in range(11)], "total-size"),
        (lambda f: [(f / f"n{n}").touch() for n in range(201)], "entries"),
    ],
    ids=["file", "total", "count"],
)
def test_a_limit_is_named(workspaces: Workspaces, break_it: object, limit: str) -> None:
    break_it(workspaces.folder("w"))  # type: ignore[operator]
    with pytest.raises(ExecutionError, match=limit):
        workspaces.snapshot("w")


def test_a_file_of_100_mb_is_refused_without_being_read(reachable: Path) -> None:
    workspaces = Workspaces(reachable / "work")
    with (workspaces.folder("w") / "big").open("wb") as file:
        file.truncate(100 << 20)
    start = time.process_time()
    with pytest.raises(ExecutionError, match="file-size"):
        workspaces.snapshot("w")
    assert time.process_time() - start < 0.05


def test_special_files_and_names_that_are_no_text_are_not_part_of_a_tree(workspaces: Workspaces) -> None:
    folder = workspaces.folder("w")
    before = workspaces.snapshot("w")
    os.mkfifo(folder / "pipe")
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff"))).write_text("x")
    assert workspaces.snapshot("w") == before


def test_a_hard_link_is_refused(workspaces: Workspaces, reachable: Path) -> None:
    outside = reachable / "secret"
    outside.write_text("s3cret")
    os.link(outside, workspaces.folder("w") / "mine")
    with pytest.raises(ExecutionError, match="hard link"):
        workspaces.snapshot("w")


def test_a_changed_store_is_an_error(workspaces: Workspaces, reachable: Path) -> None:
    (workspaces.folder("w") / "a").write_text("one")
    tree = workspaces.snapshot("w")
    (blob,) = (path for path in (reachable / "work/store/blobs").rglob("*") if path.is_file())
    blob.write_text("two")
    (workspaces.folder("w") / "a").unlink()
    with pytest.raises(TrustError, match="changed"):
        workspaces.restore("w", tree)
    (reachable / "work/store/trees" / tree[7:]).write_text("{}")
    with pytest.raises(TrustError, match="changed"):
        workspaces.snapshots.load(tree)


def test_a_tree_nobody_took_is_refused(workspaces: Workspaces) -> None:
    with pytest.raises(ExecutionError, match="no snapshot"):
        workspaces.restore("w", "sha256:" + "0" * 64)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "-x", "a\0b", ".git"])
def test_a_name_that_could_leave_the_root_is_refused(workspaces: Workspaces, name: str) -> None:
    with pytest.raises(InputError):
        workspaces.folder(name)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    workspaces: Workspaces, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspaces.folder("w") / "a").write_text("one")

    def fake_fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.os, "fsync", fake_fsync)
    with pytest.raises(UnavailableError, match="disk full") as error:
        workspaces.snapshot("w")
    assert error.value.where
    assert error.value.hint
    monkeypatch.undo()
    assert [path for path in (reachable / "work/store").rglob("*") if path.is_file()] == []


async def test_a_throwaway_copy_is_gone_afterwards(workspaces: Workspaces) -> None:
    fill(workspaces.folder("w"))
    async with workspaces.throwaway(workspaces.snapshot("w")) as copy:
        assert (copy / "src/a.py").read_text() == "a = 1\n"
    assert not copy.exists()


async def test_a_held_workspace_keeps_others_out(workspaces: Workspaces) -> None:
    import asyncio

    order: list[str] = []

    async def work(name: str) -> None:
        async with workspaces.held("w"):
            order.append(name)
            await asyncio.sleep(0.01)
            order.append(name)

    await asyncio.gather(work("a"), work("b"))
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_manifest_says_what_each_path_is(workspaces: Workspaces) -> None:
    fill(workspaces.folder("w"))
    snapshots: Snapshots = workspaces.snapshots
    manifest = snapshots.load(workspaces.snapshot("w"))
    assert {path: entry.kind for path, entry in manifest.items()} == {
        "src/a.py": Kind.FILE,
        "run.sh": Kind.FILE,
        "link": Kind.LINK,
        "empty": Kind.FOLDER,
    }
    assert manifest["run.sh"].executable
