"""The command tool around a sandbox that is a fake: what is prepared for it and collected after it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridle.core.boundary import Boundary, Limits
from bridle.core.canonical import Json
from bridle.core.errors import UnavailableError
from bridle.delegate.sandbox.policy import SandboxResult
from bridle.dispatch.protocol import Report
from integration.delegate.bench import Bench, FakeSandbox, ended


def host_path(folder: Path, env: Mapping[str, str], name: str) -> Path:
    return folder / env[name].removeprefix("/workspace/")


async def run(bench: Bench, **arguments: Json) -> Report:
    return await bench.do("command.run", {"script": "true", **arguments})


def value_of(report: Report) -> dict[str, Json]:
    assert isinstance(report.value, dict)
    return report.value


async def test_a_good_command_has_succeeded(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    fake_sandbox.behave = lambda *_: ended(stdout=b"in /workspace/src took 0.5s\n")
    report = await run(bench)
    assert report.status == "succeeded"
    assert value_of(report) == {
        "exit_code": 0,
        "why": "exit",
        "stdout": "in src took …s\n",
        "stderr": "",
        "truncated": False,
        "report": None,
        "outputs": {},
    }
    assert report.facts["sandbox"] == {"backend": "fake", "hard": [], "soft": [], "missing": {}}


@pytest.mark.parametrize("result", [ended(1), ended(-1, why="wall"), ended(0, why="oom")])
async def test_any_other_end_has_failed(
    bench: Bench, fake_sandbox: FakeSandbox, result: SandboxResult
) -> None:
    fake_sandbox.behave = lambda *_: result
    assert (await run(bench)).status == "failed"


async def test_mounts_come_from_the_boundary(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    for path in ("src/a.py", "src/tests/t.py", "src/deep/tests/u.py", "src/test_x.py", "docs/d", "top"):
        (bench.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (bench.folder / path).write_text("")
    (bench.folder / "src/tests/link").symlink_to("/etc")
    bench.boundary = Boundary(
        write=("src/**", "src/a.py", "docs/d", "gone/**"), protect=("**/tests/**", "**/test_*.py", "top")
    )
    await run(bench)
    (policy,) = fake_sandbox.policies
    assert policy.writable == ("docs/d", "src")
    assert policy.read_only == ("src/deep/tests", "src/test_x.py", "src/tests")


async def test_an_empty_boundary_mounts_nothing_writable(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    (bench.folder / "a").write_text("")
    bench.boundary = Boundary()
    await run(bench)
    assert fake_sandbox.policies[0].writable == ()


@pytest.mark.parametrize(("asked_s", "given_s"), [(5, 5), (100, 10)])
async def test_time_is_narrowed_never_widened(
    bench: Bench, fake_sandbox: FakeSandbox, asked_s: int, given_s: int
) -> None:
    bench.boundary = Boundary(limits=Limits(wall_s=10))
    await run(bench, timeout_s=asked_s)
    assert fake_sandbox.policies[0].limits.wall_s == given_s


async def test_an_environment_cannot_move_the_output_files(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    await run(bench, env={"BRIDLE_OUTPUT": "/elsewhere", "X": "1"})
    env = fake_sandbox.policies[0].env
    assert (env["BRIDLE_OUTPUT"], env["X"]) == ("/workspace/.bridle/output", "1")


async def test_outputs_are_read_and_the_last_one_wins(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        host_path(folder, env, "DRONE_OUTPUT").write_text("A=1\nno output\nB = x\nA=2=3\n")
        return ended(3)

    fake_sandbox.behave = behave
    assert value_of(await run(bench))["outputs"] == {"A": "2=3"}


@pytest.mark.parametrize(
    ("mask", "names"), [([], ["B", "a b", "x\\u001b" + "y" * 33]), (["A"], [])], ids=["open", "masked"]
)
async def test_lines_that_are_no_outputs_are_counted_and_no_value_is_told(
    bench: Bench, fake_sandbox: FakeSandbox, mask: list[str], names: list[str]
) -> None:
    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        odd = f"novalue\nB = hush-1\na b=hush-2\nx\x1b{'y' * 90}=hush-3\nTUlJ/aHVzaA==\n\n"
        host_path(folder, env, "BRIDLE_OUTPUT").write_text(f"A=some-value-1\n{odd}")
        return ended()

    fake_sandbox.behave = behave
    value = value_of(await run(bench, mask=mask) if mask else await run(bench))
    assert value["unread_outputs"] == {"lines": 5, "names": names}
    assert not any(word in str(value) for word in ("hush", "novalue", "TUlJ"))


async def test_outputs_of_an_earlier_command_are_gone(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    (bench.folder / ".bridle").mkdir()
    (bench.folder / ".bridle/output").write_text("OLD=1\n")
    assert value_of(await run(bench))["outputs"] == {}


@pytest.mark.parametrize("size", [(64 << 10) + 1, 2 << 20])
async def test_an_output_too_large_is_an_error_not_a_cut(
    bench: Bench, fake_sandbox: FakeSandbox, size: int
) -> None:
    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        host_path(folder, env, "BRIDLE_OUTPUT").write_text("A=" + "x" * size)
        host_path(folder, env, "HARNESS_OUTPUT_SECRET_FILE").write_text("PASS=open-sesame-42\n")
        return ended(stdout=b"it said open-sesame-42\n")

    fake_sandbox.behave = behave
    report = await run(bench)
    assert (report.status, value_of(report)["reason"]) == ("failed", "output-too-large")
    printed = str(value_of(report)["stdout"])
    assert (printed.startswith("it said "), "open-sesame-42" in printed) == (True, False)


@pytest.mark.parametrize(
    ("name", "mask"),
    [("HARNESS_OUTPUT_SECRET_FILE", []), ("BRIDLE_OUTPUT", ["SMALL"]), ("BRIDLE_OUTPUT", ["A"])],
)
async def test_what_was_printed_is_kept_back_when_a_file_of_secrets_is_too_large(
    bench: Bench, fake_sandbox: FakeSandbox, name: str, mask: list[str]
) -> None:
    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        host_path(folder, env, name).write_text(f"SMALL=open-sesame-42\nA={'x' * ((64 << 10) + 1)}")
        return ended(stdout=b"it said open-sesame-42\n")

    fake_sandbox.behave = behave
    value = value_of(await run(bench, mask=[*mask]) if mask else await run(bench))
    assert (value["reason"], "it said" in str(value)) == ("output-too-large", False)


async def test_secret_outputs_are_redacted_and_nowhere_else(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        host_path(folder, env, "HARNESS_OUTPUT_SECRET_FILE").write_text("PASS=open-sesame-42\n")
        return ended(stdout=b"it is open-sesame-42\n")

    fake_sandbox.behave = behave
    report = await run(bench)
    assert "open-sesame-42" not in str(report.value)
    assert value_of(report)["outputs"] == {}
    assert not (bench.folder / ".bridle/secret-output").exists()


async def test_an_output_file_that_is_a_link_is_not_followed(
    bench: Bench, fake_sandbox: FakeSandbox, reachable: Path
) -> None:
    (reachable / "secret").write_text("A=crown jewels\n")

    def behave(folder: Path, env: Mapping[str, str]) -> SandboxResult:
        host_path(folder, env, "BRIDLE_OUTPUT").unlink()
        host_path(folder, env, "BRIDLE_OUTPUT").symlink_to(reachable / "secret")
        return ended()

    fake_sandbox.behave = behave
    report = await run(bench)
    assert report.status == "failed"
    assert "jewels" not in str(report.value)


async def test_a_scratch_folder_that_is_a_link_is_replaced(
    bench: Bench, fake_sandbox: FakeSandbox, reachable: Path
) -> None:
    (reachable / "theirs").mkdir()
    (bench.folder / ".bridle").symlink_to(reachable / "theirs")
    assert (await run(bench)).status == "succeeded"
    assert list((reachable / "theirs").iterdir()) == []


def report_writer(content: str) -> object:
    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/reports").mkdir(exist_ok=True)
        (folder / ".bridle/reports/r.xml").write_text(content)
        return ended(1, stdout=b"noise")

    return behave


async def test_a_report_stands_for_the_output(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    fake_sandbox.behave = report_writer("<t><testcase name='a'><failure/></testcase></t>")  # type: ignore[assignment]
    value = value_of(await run(bench, report=".bridle/reports/*.xml"))
    assert "stdout" not in value
    assert dict(value["report"])["failing_count"] == 1  # type: ignore[arg-type]


async def test_an_old_report_is_not_taken_for_a_new_one(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    (bench.folder / ".bridle/reports").mkdir(parents=True)
    (bench.folder / ".bridle/reports/old.xml").write_text("<t/>")
    value = value_of(await run(bench, report=".bridle/reports/*.xml"))
    assert value["report"] is None
    assert not (bench.folder / ".bridle/reports/old.xml").exists()


async def test_a_report_glob_cannot_delete_what_may_not_be_written(bench: Bench) -> None:
    bench.boundary = Boundary(write=("src/**",), protect=("**/tests/**",))
    (bench.folder / "src/tests").mkdir(parents=True)
    (bench.folder / "src/tests/t.py").write_text("x")
    report = await run(bench, report="src/**")
    assert (report.status, value_of(report)["reason"]) == ("failed", "report-glob")
    assert (bench.folder / "src/tests/t.py").exists()


@pytest.mark.parametrize("pattern", ["../*.xml", "/etc/*"])
async def test_a_report_glob_cannot_leave_the_workspace(bench: Bench, pattern: str) -> None:
    report = await run(bench, report=pattern)
    assert (report.status, value_of(report)["reason"]) == ("failed", "outside-workspace")


async def test_a_hostile_report_fails_the_command(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    fake_sandbox.behave = report_writer("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>")  # type: ignore[assignment]
    report = await run(bench, report=".bridle/reports/*.xml")
    assert (report.status, value_of(report)["reason"]) == ("failed", "bad-report")


async def test_a_report_that_is_a_link_is_no_report(
    bench: Bench, fake_sandbox: FakeSandbox, reachable: Path
) -> None:
    (reachable / "r.xml").write_text("<t><testcase name='a'/></t>")

    def behave(folder: Path, _: object) -> SandboxResult:
        (folder / ".bridle/r.xml").symlink_to(reachable / "r.xml")
        return ended()

    fake_sandbox.behave = behave
    assert value_of(await run(bench, report=".bridle/*.xml"))["report"] is None


def hard_link(folder: Path, _: object) -> SandboxResult:
    os.link(folder / "a", folder / "b")
    return ended()


def flood(folder: Path, _: object) -> SandboxResult:
    for number in range(300):
        (folder / str(number)).touch()
    return ended()


def disk_full(folder: Path, _: object) -> SandboxResult:
    (folder / "b").write_text("half")
    raise UnavailableError("disk full", reason="disk-full")


@pytest.mark.parametrize("behave", [hard_link, flood])
async def test_a_command_that_leaves_a_mess_is_undone(
    bench: Bench, fake_sandbox: FakeSandbox, behave: object
) -> None:
    (bench.folder / "a").write_text("a")
    before = await bench.worker.snapshot("w")
    fake_sandbox.behave = behave  # type: ignore[assignment]
    assert (await run(bench)).status == "failed"
    assert await bench.worker.snapshot("w") == before


async def test_a_full_disk_leaves_the_tree_as_it_was(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    (bench.folder / "a").write_text("a")
    before = await bench.worker.snapshot("w")
    fake_sandbox.behave = disk_full
    with pytest.raises(UnavailableError, match="disk full"):
        await run(bench)
    assert await bench.worker.snapshot("w") == before


async def test_an_unknown_shell_is_refused(bench: Bench, fake_sandbox: FakeSandbox) -> None:
    assert (await bench.do("command.run", {"script": "true", "shell": "zsh"})).status == "failed"
    assert fake_sandbox.policies == []
