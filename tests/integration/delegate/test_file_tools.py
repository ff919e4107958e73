"""List, read, search and edit, in workspaces that attack."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from integration.delegate.bench import Bench

SECRET = "the crown jewels"  # noqa: S105 - a text


@pytest.fixture
def outside(reachable: Path) -> Path:
    folder = reachable / "outside"
    folder.mkdir()
    (folder / "secret").write_text(SECRET)
    return folder


def plant_link(folder: Path, outside: Path) -> str:
    (folder / "a").symlink_to(outside / "secret")
    return "a"


def plant_folder_link(folder: Path, outside: Path) -> str:
    (folder / "d").symlink_to(outside)
    return "d/secret"


def plant_hard_link(folder: Path, outside: Path) -> str:
    os.link(outside / "secret", folder / "a")
    return "a"


def plant_fifo(folder: Path, _: Path) -> str:
    os.mkfifo(folder / "a")
    return "a"


ATTACKS = [
    plant_link,
    plant_folder_link,
    plant_hard_link,
    plant_fifo,
    lambda *_: "../../../outside/secret",
    lambda _, outside: str(outside / "secret"),
    lambda *_: "x/../../../outside/secret",
    lambda *_: "a\0b",
]
ATTACK_IDS = ["link", "folder link", "hard link", "fifo", "dots", "absolute", "hidden dots", "nul"]


@pytest.mark.parametrize("plant", ATTACKS, ids=ATTACK_IDS)
@pytest.mark.parametrize(
    ("tool", "rest"),
    [
        ("file.read", {}),
        ("file.search", {"pattern": "."}),
        ("file.edit", {"old": "crown", "new": "paper"}),
        ("file.edit", {"old": "", "new": "x"}),
    ],
    ids=["read", "search", "edit", "make"],
)
async def test_nothing_outside_is_reached(
    bench: Bench, outside: Path, plant: object, tool: str, rest: dict[str, Json]
) -> None:
    path = plant(bench.folder, outside)  # type: ignore[operator]
    report = await bench.do(tool, {"path": path, **rest})
    assert report.status == "failed"
    assert SECRET not in str(report.value)
    assert (outside / "secret").read_text() == SECRET


async def test_a_search_of_everything_does_not_follow_links(bench: Bench, outside: Path) -> None:
    plant_link(bench.folder, outside)
    plant_folder_link(bench.folder, outside)
    report = await bench.do("file.search", {"pattern": "crown"})
    assert report.value == {"matches": [], "truncated": False}


async def test_listing_is_sorted_and_leaves_out_what_is_no_part_of_the_tree(bench: Bench) -> None:
    (bench.folder / "b").mkdir()
    (bench.folder / "b/x.py").write_text("1")
    (bench.folder / "b/__pycache__").mkdir()
    (bench.folder / "b/__pycache__/x.pyc").write_text("1")
    (bench.folder / "a").write_text("")
    (bench.folder / "l").symlink_to("a")
    os.mkfifo(bench.folder / "pipe")
    report = await bench.do("file.list", {"path": "."})
    assert report.value == {
        "entries": [
            {"path": "a", "type": "file", "size_bytes": 0},
            {"path": "b/x.py", "type": "file", "size_bytes": 1},
            {"path": "l", "type": "link", "size_bytes": 0},
        ],
        "truncated": False,
    }


async def test_listing_a_link_to_a_folder_is_refused(bench: Bench, outside: Path) -> None:
    plant_folder_link(bench.folder, outside)
    assert (await bench.do("file.list", {"path": "d"})).status == "failed"


async def test_a_huge_folder_is_refused_by_name_of_the_limit(bench: Bench) -> None:
    for number in range(201):
        (bench.folder / str(number)).touch()
    report = await bench.do("file.list", {"path": "."})
    assert (report.status, "entries" in str(report.value)) == ("failed", True)


async def test_reading_shows_lines_and_counts_all(bench: Bench) -> None:
    (bench.folder / "a").write_text("one\ntwo\r\nthree\x0bstill three\nfour")
    report = await bench.do("file.read", {"path": "a", "first_line": 2, "lines": 2})
    assert report.value == {
        "path": "a",
        "first_line": 2,
        "total_lines": 4,
        "text": "two\r\nthree\x0bstill three\n",
        "truncated": False,
    }


async def test_reading_replaces_what_is_no_text_and_says_so(bench: Bench) -> None:
    (bench.folder / "a").write_bytes(b"caf\xe9\0\n")
    value = (await bench.do("file.read", {"path": "a"})).value
    assert isinstance(value, dict)
    assert (value["text"], value["encoding"]) == ("caf\ufffd\ufffd\n", "not utf-8")


@pytest.mark.parametrize("content", ["x" * 70_000, "x" * 600 + "\n" + "y" * 65_000])
async def test_reading_too_much_is_cut_and_said(bench: Bench, content: str) -> None:
    (bench.folder / "a").write_text(content)
    value = (await bench.do("file.read", {"path": "a"})).value
    assert isinstance(value, dict)
    assert value["truncated"] is True
    assert 0 < len(str(value["text"])) <= 64 << 10


async def test_reading_a_file_beyond_the_limit_names_it(bench: Bench) -> None:
    (bench.folder / "a").write_bytes(b"x" * 100_001)
    report = await bench.do("file.read", {"path": "a"})
    assert (report.status, "file-size" in str(report.value)) == ("failed", True)


async def test_searching_finds_lines(bench: Bench) -> None:
    (bench.folder / "b").write_text("x = 1\ny = 22\n")
    (bench.folder / "a").write_text("z = 333\n")
    (bench.folder / "bin").write_bytes(b"\0 = 9\n")
    report = await bench.do("file.search", {"pattern": r"^[yz] = \d+$"})
    assert report.value == {
        "matches": [
            {"path": "a", "line": 1, "text": "z = 333"},
            {"path": "b", "line": 2, "text": "y = 22"},
        ],
        "truncated": False,
    }


async def test_searching_stops_at_its_ceiling_and_says_so(bench: Bench) -> None:
    (bench.folder / "a").write_text("x\n" * 500)
    value = (await bench.do("file.search", {"pattern": "x", "path": "a"})).value
    assert isinstance(value, dict)
    assert (len(value["matches"]), value["truncated"]) == (200, True)  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=x)"])
async def test_a_pattern_that_is_not_linear_is_refused(bench: Bench, pattern: str) -> None:
    report = await bench.do("file.search", {"pattern": pattern})
    assert (report.status, "RE2" in str(report.value)) == ("failed", True)


async def test_an_edit_replaces_one_occurrence_and_keeps_the_mode(bench: Bench) -> None:
    file = bench.folder / "src/run"
    file.parent.mkdir()
    file.write_bytes(b"one\r\ntwo\nthree\n")
    file.chmod(0o755)
    report = await bench.do("file.edit", {"path": "src/run", "old": "two", "new": "2"})
    assert report.value == {"path": "src/run", "first_line": 2}
    assert file.read_bytes() == b"one\r\n2\nthree\n"
    assert file.stat().st_mode & 0o111


@pytest.mark.parametrize(("old", "count"), [("gone", 0), ("x", 3), ("aa", 2)])
async def test_an_edit_of_no_or_several_occurrences_says_how_many(bench: Bench, old: str, count: int) -> None:
    (bench.folder / "a").write_text("x x x aaa")
    report = await bench.do("file.edit", {"path": "a", "old": old, "new": "y"})
    assert (report.status, f"occurs {count} times" in str(report.value)) == ("failed", True)
    assert (bench.folder / "a").read_text() == "x x x aaa"


async def test_a_new_file_is_made_with_its_folders(bench: Bench) -> None:
    await bench.do("file.edit", {"path": "src/deep/a", "old": "", "new": "x"})
    assert (bench.folder / "src/deep/a").read_text() == "x"


@pytest.mark.parametrize("content", ["", "something"])
async def test_an_existing_file_is_not_made_again(bench: Bench, content: str) -> None:
    (bench.folder / "a").write_text(content)
    report = await bench.do("file.edit", {"path": "a", "old": "", "new": "x"})
    assert (report.status, "exists" in str(report.value)) == ("failed", True)
    assert (bench.folder / "a").read_text() == content


@pytest.mark.parametrize("path", ["README", "src/tests/test_a.py"])
async def test_an_edit_outside_the_boundary_is_refused_by_the_delegate_too(bench: Bench, path: str) -> None:
    bench.boundary = Boundary(write=("src/**",), protect=("**/tests/**",))
    with pytest.raises(TrustError, match="may not be written"):
        await bench.do("file.edit", {"path": path, "old": "", "new": "x"})
    assert not (bench.folder / path).exists()


async def test_a_task_without_a_boundary_writes_nothing(bench: Bench) -> None:
    with pytest.raises(TrustError, match="may not be written"):
        await bench.do("file.edit", {"path": "a", "old": "", "new": "x"}, boundary={})


async def test_an_edit_leaves_no_stranger_behind(bench: Bench) -> None:
    await bench.do("file.edit", {"path": "a", "old": "", "new": "x"})
    assert sorted(path.name for path in bench.folder.rglob("*")) == [".bridle", "a"]


@pytest.mark.parametrize(
    "arguments", [{"path": 1}, {}, {"path": "a", "first_line": True}, {"path": "a", "lines": 0}]
)
async def test_arguments_of_the_wrong_type_are_refused(bench: Bench, arguments: dict[str, Json]) -> None:
    report = await bench.do("file.read", arguments)
    assert (report.status, dict(report.value)["reason"]) == ("failed", "bad-arguments")  # type: ignore[arg-type]


async def test_a_name_in_a_listing_or_a_search_shows_what_is_hidden_in_it(bench: Bench) -> None:
    (bench.folder / "a\nb\u202ec\\d").write_text("crown\n")
    shown = "a\\u000ab\\u202ec\\\\d"
    listed = (await bench.do("file.list", {"path": "."})).value
    found = (await bench.do("file.search", {"pattern": "crown"})).value
    assert isinstance(listed, dict)
    assert isinstance(found, dict)
    assert shown in [entry["path"] for entry in listed["entries"]]
    assert [match["path"] for match in found["matches"]] == [shown]
