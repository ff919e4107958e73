"""Each thing that the sandbox relies on, broken: nothing runs, and the error says what to do."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from bridle.delegate.sandbox import probe as probe_module
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.machine import SANDBOX_UID
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxUnavailable
from bridle.delegate.sandbox.probe import MANDATORY
from bridle.delegate.sandbox.seccomp.filters import DIGESTS, FOLDER


@pytest.fixture
def filters(tmp_path: Path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "filters")


@pytest.fixture
def fake_bwrap(workspace: Path, monkeypatch):
    """A program called bwrap that only says something and fails."""

    def _make(said: str) -> None:
        folder = workspace / "fake"
        folder.mkdir(mode=0o755)
        (folder / "bwrap").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
        (folder / "bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return _make


async def refuse(backend: Bubblewrap, workspace: Path) -> SandboxUnavailable:
    mark = workspace / "src" / "ran"
    with pytest.raises(SandboxUnavailable) as caught:
        await backend.run(SandboxPolicy(workspace, writable=("src",)), ["touch", "/workspace/src/ran"])
    assert not mark.exists()
    return caught.value


async def test_every_guarantee_is_proved_on_a_machine_where_tests_run():
    capabilities = await Bubblewrap().probe()
    assert (dict(capabilities.missing), set(MANDATORY) <= set(capabilities.hard)) == ({}, True)


async def test_a_missing_filter_means_no_run(workspace, filters):
    for blob in filters.glob("*.bpf"):
        blob.unlink()
    assert "cannot be read" in (await refuse(Bubblewrap(filters=filters), workspace)).what


async def test_a_changed_filter_means_no_run(workspace, filters):
    for blob in filters.glob("*.bpf"):
        blob.write_bytes(blob.read_bytes()[:-8])
    assert "not the one that was shipped" in (await refuse(Bubblewrap(filters=filters), workspace)).what


async def test_a_filter_that_the_kernel_refuses_means_no_run(workspace, filters):
    lines = []
    for blob in filters.glob("*.bpf"):
        blob.write_bytes(b"\xff" * 64)
        lines.append(f"{hashlib.sha256(blob.read_bytes()).hexdigest()}  {blob.name}\n")
    (filters / DIGESTS).write_text("".join(lines))
    assert (await refuse(Bubblewrap(filters=filters), workspace)).reason == "seccomp-refused"


async def test_a_filter_that_allows_everything_is_found_by_the_probe(filters):
    allow_all = (0x06).to_bytes(2, "little") + b"\0\0" + (0x7FFF0000).to_bytes(4, "little")
    lines = []
    for blob in filters.glob("*.bpf"):
        blob.write_bytes(allow_all)
        lines.append(f"{hashlib.sha256(allow_all).hexdigest()}  {blob.name}\n")
    (filters / DIGESTS).write_text("".join(lines))
    missing = (await Bubblewrap(filters=filters).probe()).missing
    assert {"network-none", "seccomp"} <= set(missing)


async def test_a_guarantee_that_was_not_proved_means_no_run(workspace, monkeypatch):
    checks = {**probe_module.CHECKS, "seccomp": ("a check that nothing passes",)}
    monkeypatch.setattr(probe_module, "CHECKS", checks)
    assert (
        "cannot guarantee seccomp"
        in (await refuse(Bubblewrap(program=shutil.which("bwrap")), workspace)).what
    )


async def test_without_the_program_nothing_runs_and_the_hint_is_the_command_to_type(workspace, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "apt-get install bubblewrap" in (await refuse(Bubblewrap(), workspace)).hint


async def test_the_probe_names_what_is_missing_instead_of_raising(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    capabilities = await Bubblewrap().probe()
    assert (set(capabilities.missing), capabilities.hard) == (set(MANDATORY), ())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("bwrap: setting up uid map: Permission denied", "user-namespaces-refused"),
        ("bwrap: No permissions to create a new namespace", "user-namespaces-refused"),
        ("bwrap: Unknown option --bind-fd", "program-too-old"),
        ("bwrap: Can not mount proc on /newroot/proc: Operation not permitted", "proc-masked"),
    ],
)
async def test_a_refusing_fake_bwrap_means_no_run_and_is_explained(workspace, fake_bwrap, said, reason):
    fake_bwrap(said)
    assert (await refuse(Bubblewrap(), workspace)).reason == reason


async def test_a_missing_workspace_means_no_run(workspace):
    with pytest.raises(SandboxUnavailable, match="workspace cannot be opened"):
        await Bubblewrap().run(SandboxPolicy(workspace / "gone"), ["true"])


async def test_a_workspace_that_the_dropped_user_cannot_reach_is_said(workspace):
    closed = workspace / "closed"
    (closed / "inner").mkdir(parents=True)
    os.chown(closed, 0 if os.geteuid() == 0 else os.geteuid(), -1)
    closed.chmod(0o700)
    if os.geteuid() != 0:
        assert (await Bubblewrap().run(SandboxPolicy(closed / "inner"), ["true"])).exit_code == 0
        return
    with pytest.raises(SandboxUnavailable, match=f"user {SANDBOX_UID} cannot pass through {closed}"):
        await Bubblewrap().run(SandboxPolicy(closed / "inner"), ["true"])


async def test_a_toolchain_whose_python_is_not_shown_is_said(workspace):
    (workspace / "venv" / "bin").mkdir(parents=True)
    (workspace / "venv" / "bin" / "python").symlink_to("/root/.local/bin/python3")
    with pytest.raises(SandboxUnavailable, match="which the sandbox does not show"):
        await Bubblewrap().run(SandboxPolicy(workspace, toolchain=workspace / "venv"), ["true"])
