"""What a well-meant command sees and gets, and how each kind of end is told."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bridle.core.boundary import Limits
from bridle.core.errors import InputError
from bridle.delegate.sandbox import launch, supervise
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.machine import MIB
from bridle.delegate.sandbox.policy import SandboxPolicy
from bridle.delegate.sandbox.seats import find_seats

FLOOD_BYTES = 100 * MIB


def list_leaves():
    return [leaf for seat in find_seats() for leaf in seat.folder.glob(f"bridle-step-{os.getpid()}-*")]


def list_left_processes(mark):
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if mark in line and "ps -eo" not in line]


def list_descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def list_children():
    numbers = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{number}/comm").read_text().strip() for number in numbers]


@pytest.fixture
def toolchain(workspace):
    folder = workspace.with_name(workspace.name + "-venv")
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
    yield folder
    shutil.rmtree(folder)


async def test_the_exit_code_and_both_outputs_come_back(run):
    result = await run("echo out; echo err >&2; exit 7")
    assert (result.why, result.exit_code, result.stdout, result.stderr) == ("exit", 7, b"out\n", b"err\n")


async def test_the_environment_is_the_policy_s_and_nothing_else(run, monkeypatch):
    monkeypatch.setenv("LEAKED", "secret")
    result = await run("env", env={"GIVEN": "yes"})
    names = {line.split("=")[0] for line in result.stdout.decode().splitlines()}
    assert names == {"GIVEN", "PATH", "HOME", "LANG", "TMPDIR", "PWD"}


async def test_standard_input_arrives_whole(run):
    result = await run("wc -c", stdin=b"x" * 60_000)
    assert result.stdout.strip() == b"60000"


async def test_a_writable_path_and_the_scratch_folder_can_be_written(run, workspace):
    await run("echo new > src/new.py; echo report > .bridle/report", writable=("src",))
    assert (workspace / "src/new.py").read_text() + (
        workspace / ".bridle/report"
    ).read_text() == "new\nreport\n"


async def test_a_single_file_can_be_writable(run, workspace):
    await run("echo changed > notes.txt", writable=("notes.txt",))
    assert (workspace / "notes.txt").read_text() == "changed\n"


async def test_the_toolchain_is_first_on_the_path(run, toolchain):
    result = await run("python -c 'import sys; print(sys.prefix)'", toolchain=toolchain)
    assert result.stdout == b"/opt/venv\n"


async def test_threads_sockets_on_loopback_and_subprocesses_work(run_python):
    result = await run_python(
        "import asyncio, multiprocessing as m\n"
        "async def main():\n"
        "    server = await asyncio.start_server(lambda r, w: w.close(), 'localhost', 0)\n"
        "    await asyncio.open_connection(*server.sockets[0].getsockname()[:2])\n"
        "    await asyncio.to_thread(print, (await (await asyncio.create_subprocess_exec('true')).wait()))\n"
        "asyncio.run(main())\n"
        "with m.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, -2]))\n"
    )
    assert result.stdout == b"0\n[1, 2]\n", result.stderr


async def test_a_program_that_is_not_there_is_a_failed_command(workspace):
    result = await Bubblewrap().run(SandboxPolicy(workspace), ["no-such-program"])
    assert (result.why, result.exit_code, b"no-such-program" in result.stderr) == ("exit", 127, True)


async def test_a_killed_command_tells_its_signal(run):
    assert (await run("kill -9 $$")).exit_code == 128 + 9


async def test_a_flood_of_output_is_cut_at_the_cap_and_our_memory_stays_bounded(run):
    await run("true")
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    result = await run(f"head -c {FLOOD_BYTES} /dev/zero", limits={"output_bytes": MIB})
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    assert (result.why, result.exit_code, len(result.stdout), result.truncated) == ("output", -1, MIB, True)
    assert (time.monotonic() - started < 5, grown_mib < 20) == (True, True), f"grew by {grown_mib} MiB"


async def test_both_outputs_share_the_cap(run):
    result = await run(
        "head -c 3000 /dev/zero; head -c 3000 /dev/zero >&2; sleep 9", limits={"output_bytes": 4096}
    )
    assert (result.why, len(result.stdout) + len(result.stderr)) == ("output", 4096)


async def test_output_of_exactly_the_cap_is_not_cut(run):
    result = await run("head -c 4096 /dev/zero", limits={"output_bytes": 4096})
    assert (result.why, len(result.stdout), result.truncated) == ("exit", 4096, False)


async def test_the_wall_time_ends_a_sleeper_that_ignores_term_and_its_detached_child(run):
    mark = f"{3600 + os.getpid() / 1e6:.6f}"
    result = await run(f"trap '' TERM; setsid sleep {mark} & sleep {mark}", limits={"wall_s": 1})
    assert (result.why, result.exit_code, list_left_processes(mark)) == ("wall", -1, [])


async def test_what_the_command_left_running_ends_with_it(run):
    mark = f"{3601 + os.getpid() / 1e6:.6f}"
    result = await run(f"setsid sleep {mark} > /dev/null 2>&1 & exit 0")
    assert (result.why, list_left_processes(mark)) == ("exit", [])


async def test_cancelling_leaves_no_process_no_descriptor_and_no_control_group(run):
    await run("true")
    mark, before = f"{3602 + os.getpid() / 1e6:.6f}", list_descriptors()
    task = asyncio.ensure_future(run(f"sleep {mark}"))
    await asyncio.sleep(0.3)
    assert list_left_processes(mark)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = list_descriptors() - before
    assert (list_left_processes(mark), list_leaves(), len(left) <= 1) == ([], [], True), left


@pytest.mark.parametrize("turns", range(0, 12, 2))
async def test_cancelling_at_any_moment_of_the_start_leaves_nothing(run, turns):
    await run("true")
    mark = f"{3700 + turns + os.getpid() / 1e6:.6f}"
    task = asyncio.ensure_future(run(f"sleep {mark}"))
    for _ in range(turns):
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (list_left_processes(mark), list_leaves()) == ([], [])


async def test_a_child_of_ours_is_not_left_as_a_zombie(run):
    await run("true")
    assert [name for name in list_children() if name in ("bwrap", "prlimit", "setpriv")] == []


async def test_sandboxes_run_side_by_side(run):
    results = await asyncio.gather(*(run(f"sleep 0.1; echo {number}") for number in range(8)))
    assert [int(result.stdout) for result in results] == list(range(8))


async def test_too_much_on_disk_ends_the_command(run, workspace):
    script = "for i in $(seq 400); do head -c 1000000 /dev/zero > src/$i; sleep 0.01; done"
    result = await run(script, writable=("src",), limits={"disk_mib": 20})
    size = sum(path.stat().st_size for path in (workspace / "src").iterdir() if path.is_file())
    assert (result.why, size < 300 * MIB) == ("disk", True)


async def test_too_many_files_end_the_command(run):
    script = "i=0; while true; do i=$((i+1)); : > src/$i; done"
    assert (await run(script, writable=("src",), limits={"disk_mib": 4})).why == "disk"


async def test_a_single_file_cannot_outgrow_the_limit(run, workspace):
    await run("head -c 8000000 /dev/zero > src/big", writable=("src",), limits={"disk_mib": 1})
    assert (workspace / "src/big").stat().st_size <= MIB


@pytest.mark.parametrize(
    ("policy", "argv"),
    [
        ({}, []),
        ({}, [""]),
        ({}, ["a\0b"]),
        ({"env": {"A=B": "x"}}, ["true"]),
        ({"env": {"A": "\0"}}, ["true"]),
    ],
)
async def test_what_the_kernel_could_not_take_is_refused_before_the_start(workspace, policy, argv):
    with pytest.raises(InputError):
        await Bubblewrap().run(SandboxPolicy(workspace, limits=Limits(), **policy), argv)


async def test_what_is_signalled_at_a_terminal_does_not_reach_it(run, monkeypatch):
    spawn, sessions = launch._spawn, []

    def watch(*arguments, **more):
        process = spawn(*arguments, **more)
        sessions.append(os.getsid(process.pid) == process.pid)
        return process

    monkeypatch.setattr(launch, "_spawn", watch)
    await run("true")
    assert sessions == [True]


async def test_of_what_a_signal_may_have_ended_nothing_is_told_when_we_are_ended_with_it(run):
    task = asyncio.create_task(run("kill -TERM $$"))
    ended, _ = await asyncio.wait([task], timeout=supervise.STOPPED_S / 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ended


async def test_what_a_signal_ended_while_we_go_on_is_told_a_moment_later(run, monkeypatch):
    monkeypatch.setattr(supervise, "STOPPED_S", 0.1)
    result = await run("kill -TERM $$")
    assert (result.why, result.exit_code in supervise.SIGNALLED) == ("exit", True)
