"""What a commit changes, told at a real git: whatever its message, its parent and the times in it are."""

from __future__ import annotations

import pytest

from bridle.core.canonical import Json
from bridle.delegate.workspace import Workspaces
from integration.delegate.bench import FILES, Bench, Origin, build_bench
from integration.delegate.test_git_tools import FIXED, commit

CALC = "src/calc.py"


@pytest.fixture
def told(cloned, origin, reachable, fake_sandbox):
    """Return what the commit of one file's content is told to change: each time in a clone of its own."""

    async def tell(content: str, *, path: str = CALC, message: str = "m") -> dict[str, Json]:
        told.count += 1
        bench: Bench = build_bench(Workspaces(reachable / f"clone-{told.count}"), fake_sandbox)
        await bench.do("git.clone", {"repository": str(origin.path), "branch": "main"})
        (bench.folder / path).write_text(content)
        report = await commit(bench, message=message)
        assert report.status == "succeeded", report.value
        return report.facts["change"]

    told = tell
    told.count = 0
    return tell


async def test_the_message_is_no_part_of_the_change(told) -> None:
    assert await told(FIXED) == await told(FIXED, message="Another try, 2026-11-21")


async def test_the_same_change_of_another_parent_is_the_same(told, origin: Origin) -> None:
    before = await told(FIXED)
    origin.commit({**FILES, "other": "x"}, parent=origin.git("rev-parse", "main"))
    assert await told(FIXED) == before


async def test_another_line_or_another_file_is_another_change(told) -> None:
    first, second, third = await told(FIXED), await told(FIXED + "# more\n"), await told(FIXED, path="new.py")
    assert len({change[name] for change in (first, second, third) for name in ("exact", "alike")}) == 6


async def test_a_change_of_which_only_a_time_differs_is_alike_and_not_the_same(told) -> None:
    first, second = [await told(f"built = '2026-11-21T13:4{minute}:00Z'\n") for minute in (1, 2)]
    assert first["alike"] == second["alike"]
    assert first["exact"] != second["exact"]


async def test_the_same_lines_further_down_are_alike(told, origin: Origin) -> None:
    origin.commit({**FILES, "list": "a\n"}, parent=origin.git("rev-parse", "main"))
    first = await told("a\nnew\n", path="list")
    origin.commit({**FILES, "list": "a\nb\n"}, parent=origin.git("rev-parse", "main"))
    assert (await told("a\nb\nnew\n", path="list"))["alike"] == first["alike"]
