"""The delegate with the real sandbox: what a governed repair does, and what it may not."""

from __future__ import annotations

import asyncio

import pytest

from bridle.core.boundary import Boundary, Limits, Suite
from bridle.core.canonical import Json
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.workspace import Workspaces
from bridle.dispatch.protocol import Report
from integration.delegate.bench import FILES, REPAIR, Bench, Origin, build_bench

SUITE = """
mkdir -p .bridle/reports
cd src
python3 -c '
from calc import add
good = add(1, 2) == 3
failure = "" if good else "<failure message=\\"not 3\\"/>"
open("../.bridle/reports/r.xml", "w").write(f"<t><testcase name=\\"add\\">{failure}</testcase></t>")
raise SystemExit(not good)'
"""
BOUNDARY = Boundary(
    write=REPAIR.write,
    protect=REPAIR.protect,
    suite=Suite(SUITE, ".bridle/reports/*.xml"),
    limits=Limits(wall_s=20, output_bytes=100_000),
)


@pytest.fixture
async def real(workspaces: Workspaces, origin: Origin) -> Bench:
    made = build_bench(workspaces, Bubblewrap())
    await made.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    made.boundary = BOUNDARY
    return made


async def run(bench: Bench, script: str, **more: Json) -> Report:
    return await bench.do("command.run", {"script": script, **more})


def value_of(report: Report) -> dict[str, Json]:
    assert isinstance(report.value, dict)
    return report.value


async def test_a_repair_from_red_to_pushed(real: Bench, origin: Origin) -> None:
    red = await run(real, SUITE, report=".bridle/reports/*.xml")
    assert (red.status, dict(value_of(red)["report"])["failing_count"]) == ("failed", 1)  # type: ignore[arg-type]
    await real.do("file.edit", {"path": "src/calc.py", "old": "a - b", "new": "a + b"})
    tree = await real.worker.snapshot("w")
    verified = value_of(await real.do("workspace.verify", {"tree": tree}))
    assert (verified["changed"], verified["outside"]) == (["src/calc.py"], [])
    suite = verified["suite"]
    assert isinstance(suite, dict)
    assert (suite["exit_code"], suite["tests"], suite["failures"]) == (0, 1, 0)
    made = value_of(
        await real.do("git.commit", {"branch": "bridle/fix", "message": "m"}, expect={"tree": tree})
    )
    pushed = await real.do("git.push", {"commit": made["commit"], "branch": "main"})
    assert pushed.status == "succeeded"
    assert origin.git("rev-parse", "main") == made["commit"]


async def test_verification_does_not_see_what_is_not_in_the_snapshot(real: Bench) -> None:
    """Compiled Python that would answer for a repaired module is in the folder, and not in the tree."""
    await run(real, "mkdir src/__pycache__; echo planted > src/__pycache__/calc.pyc; echo ok > .bridle/trick")
    suite = value_of(await real.do("workspace.verify", {"tree": await real.worker.snapshot("w")}))["suite"]
    assert isinstance(suite, dict)
    assert suite["failures"] == 1


async def test_a_protected_test_cannot_be_changed_by_a_command(real: Bench) -> None:
    report = await run(real, "echo pass > src/tests/test_calc.py")
    assert report.status == "failed"
    assert "Read-only file system" in str(value_of(report)["stderr"])
    assert (real.folder / "src/tests/test_calc.py").read_text() == FILES["src/tests/test_calc.py"]


async def test_protected_tests_cannot_be_moved_with_the_folder_around_them(
    real: Bench, origin: Origin
) -> None:
    origin.commit({"src/deep/tests/t.py": "strict\n", "src/deep/x.py": ""})
    await real.do("git.clone", {"repository": str(origin.path), "branch": "main"})
    assert (await run(real, "mv src/deep src/moved")).status == "failed"
    assert (real.folder / "src/deep/tests/t.py").read_text() == "strict\n"


async def test_what_slips_between_mounts_and_globs_is_named_by_the_verification(real: Bench) -> None:
    assert (await run(real, "mkdir -p src/new/tests; echo lax > src/new/tests/t.py")).status == "succeeded"
    value = value_of(await real.do("workspace.verify", {"tree": await real.worker.snapshot("w")}))
    assert value["outside"] == ["src/new/tests/t.py"]


async def test_what_commands_write_the_file_tools_can_edit_and_the_other_way_round(real: Bench) -> None:
    await run(real, "echo one > src/new; mkdir src/sub; echo two > src/sub/x")
    await real.do("file.edit", {"path": "src/new", "old": "one", "new": "1"})
    await real.do("file.edit", {"path": "src/made", "old": "", "new": "x"})
    report = await run(real, "cat src/new; echo more >> src/made; rm -r src/sub; cat src/made")
    assert value_of(report)["stdout"] == "1\nxmore\n"


async def test_outputs_come_out_of_the_sandbox(real: Bench) -> None:
    report = await run(real, 'echo TAG=1.2 >> "$HARNESS_OUTPUT"; echo BUILD=7 >> "$BRIDLE_OUTPUT"; exit 3')
    assert (value_of(report)["outputs"], value_of(report)["exit_code"]) == ({"TAG": "1.2", "BUILD": "7"}, 3)


async def test_the_same_command_has_the_same_value_twice(real: Bench) -> None:
    script = "python3 -c 'print(object(), {str(n) for n in range(9)}); 1/0'; echo in 0.123s"
    assert (await run(real, script)).value == (await run(real, script)).value


async def test_a_command_that_never_ends_is_ended(real: Bench) -> None:
    report = await run(real, "sleep 60", timeout_s=1)
    assert (report.status, value_of(report)["why"]) == ("failed", "wall")


async def test_a_flood_of_output_is_cut(real: Bench) -> None:
    value = value_of(await run(real, "yes | head -c 100000000"))
    assert (value["why"], value["truncated"]) == ("output", True)
    assert len(str(value["stdout"])) <= 8 << 10


async def test_the_sandbox_says_what_was_hard(real: Bench) -> None:
    facts = (await run(real, "true")).facts["sandbox"]
    assert isinstance(facts, dict)
    assert "network-none" in facts["hard"]  # type: ignore[operator]


async def test_pipes_and_links_left_by_a_command_do_not_hang_the_tools(real: Bench) -> None:
    script = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"src/sock\")'; ln -s /etc/passwd src/l"
    assert (await run(real, script)).status == "succeeded"
    async with asyncio.timeout(5):
        for tool, arguments in (("file.read", {"path": "src/sock"}), ("file.read", {"path": "src/l"})):
            assert (await real.do(tool, arguments)).status == "failed"  # type: ignore[arg-type]
        found = value_of(await real.do("file.search", {"pattern": "root:"}))
    assert found["matches"] == []
