"""What is handed to bubblewrap, word by word where a word carries a guarantee."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridle.core.boundary import Limits
from bridle.core.errors import ExecutionError
from bridle.delegate.sandbox.arguments import _CLOSING, _ISOLATION, _SYSTEM, _set_environment
from bridle.delegate.sandbox.machine import compile_rlimits
from bridle.delegate.sandbox.policy import SandboxPolicy


@pytest.mark.parametrize(
    "env", [{"V": "é" * 65_536}, {f"V{number}": "x" * 60_000 for number in range(20)}], ids=["one", "all"]
)
def test_an_environment_that_linux_would_not_take_is_refused_and_says_how_large_it_is(env):
    with pytest.raises(ExecutionError) as caught:
        _set_environment(SandboxPolicy(Path("/w"), env=env))
    assert caught.value.reason == "environment-too-large"


@pytest.mark.parametrize(
    "flag",
    [
        *(f"--unshare-{kind}" for kind in ("user", "pid", "net", "ipc", "uts")),
        *("--die-with-parent", "--new-session", "--clearenv", "--disable-userns", "--assert-userns-disabled"),
    ],
)
def test_a_flag_that_carries_a_guarantee_is_there(flag):
    assert flag in _ISOLATION


def test_only_the_control_group_namespace_may_be_missing():
    assert [word for word in _ISOLATION if word.endswith("-try")] == ["--unshare-cgroup-try"]


def test_every_file_system_in_memory_has_a_size():
    at = [index for index, word in enumerate(_SYSTEM) if word == "--tmpfs"]
    assert [_SYSTEM[index - 2] for index in at] == ["--size"] * len(at)


def test_nothing_of_the_host_is_bound_writable():
    assert [word for word in (*_SYSTEM, *_CLOSING) if word.startswith(("--bind", "--dev-bind"))] == []


def test_the_root_is_closed_last():
    assert _CLOSING[-2:] == ["--remount-ro", "/"]


def test_soft_and_hard_process_limits_are_the_same():
    pairs = [word.partition("=")[2].split(":") for word in compile_rlimits(Limits())]
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_no_core_is_written_and_a_file_is_bounded_by_the_disk_limit():
    words = compile_rlimits(Limits(disk_mib=3))
    assert {"--core=0:0", f"--fsize={3 << 20}:{3 << 20}"} <= set(words)
