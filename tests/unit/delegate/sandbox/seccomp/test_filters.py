"""The shipped filters answer as the table says, and a damaged one is not used."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pyseccomp as seccomp
import pytest

from bridle.delegate.sandbox.policy import SandboxUnavailable
from bridle.delegate.sandbox.seccomp.build import ARCHITECTURES, compile_filter
from bridle.delegate.sandbox.seccomp.filters import DIGESTS, FOLDER, load_filters
from bridle.delegate.sandbox.seccomp.table import ALLOWED, REFUSED

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
X32_BIT = 0x40000000
I386 = 0x40000003
HIGH_HALF = 1 << 32
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG = 1, 2, 10, 16, 17, 40, 38
AT_FDCWD = 0xFFFFFF9C

machines = pytest.mark.parametrize("machine", sorted(ARCHITECTURES))


def number(machine, name):
    return seccomp.resolve_syscall(ARCHITECTURES[machine], name)


def verdict(ask, machine, name, *arguments):
    """What the kernel does with both filters stacked: the smaller action wins."""
    answers = [
        ask(program, machine, number(machine, name), *arguments) for program in load_filters(machine=machine)
    ]
    return min(answers, key=lambda answer: answer & 0xFFFF0000)


def answers(ask, program, machine):
    """Every call with telling arguments: another libseccomp may order the same rules differently."""
    samples = [
        (0,) * 5,
        (1, 1, 0),
        (AF_VSOCK, 1, 0),
        (0, 0x5412),
        (0o4000,) * 5,
        (0o2101,) * 5,
        (0x10000000,),
    ]
    return [ask(program, machine, call, *sample) for call in range(512) for sample in samples]


@machines
@pytest.mark.parametrize("names", [refusal.names for refusal in REFUSED], ids=[r.why[:20] for r in REFUSED])
def test_what_is_refused_is_refused_by_the_rules(ask, machine, names):
    present = [name for name in names.split() if number(machine, name) >= 0]
    _, rules = load_filters(machine=machine)
    answers = {name: ask(rules, machine, number(machine, name)) for name in present}
    assert [name for name, answer in answers.items() if answer & 0xFFFF0000 != ERRNO] == []


@machines
def test_everything_outside_the_list_is_unknown_to_the_command(ask, machine):
    names, _ = load_filters(machine=machine)
    listed = {number(machine, name) for group in ALLOWED.values() for name in group.split()}
    passed = {value for value in range(2048) if ask(names, machine, value) == ALLOW}
    assert passed == {value for value in listed if value >= 0}


@machines
def test_a_call_of_a_future_kernel_is_unknown(ask, machine):
    names, _ = load_filters(machine=machine)
    assert ask(names, machine, 1000) == ERRNO | errno.ENOSYS


@machines
def test_clone3_and_openat2_are_unknown_so_that_libc_falls_back(ask, machine):
    answers = {verdict(ask, machine, name) for name in ("clone3", "openat2")}
    assert answers == {ERRNO | errno.ENOSYS}


@machines
def test_threads_and_forks_pass(ask, machine):
    assert verdict(ask, machine, "clone", 0x3D0F00) == verdict(ask, machine, "clone", 17) == ALLOW


@machines
@pytest.mark.parametrize("flag", [0x00020000, 0x10000000, 0x40000000, 0x20000000])
def test_a_clone_into_a_new_namespace_is_refused(ask, machine, flag):
    assert verdict(ask, machine, "clone", flag | 17) == ERRNO | errno.EPERM


@machines
@pytest.mark.parametrize("family", [AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, 0, 3, 9, HIGH_HALF | AF_VSOCK])
def test_other_socket_families_are_refused(ask, machine, family):
    answers = {verdict(ask, machine, name, family, 1, 0) for name in ("socket", "socketpair")}
    assert answers == {ERRNO | errno.EAFNOSUPPORT}


@machines
@pytest.mark.parametrize("family", [AF_UNIX, AF_INET, AF_INET6])
def test_ordinary_sockets_pass(ask, machine, family):
    cloexec_nonblock = 0o2004000
    assert verdict(ask, machine, "socket", family, 1 | cloexec_nonblock, 0) == ALLOW


@machines
@pytest.mark.parametrize("kind", [3, 5, 10, 3 | 0o2000000, HIGH_HALF | 3])
def test_raw_and_other_socket_types_are_refused(ask, machine, kind):
    assert verdict(ask, machine, "socket", AF_INET, kind, 0) & 0xFFFF0000 == ERRNO


@machines
@pytest.mark.parametrize("protocol", [1, 58, 132, 136, 262, HIGH_HALF | 132])
def test_other_protocols_are_refused(ask, machine, protocol):
    assert verdict(ask, machine, "socket", AF_INET, 2, protocol) & 0xFFFF0000 == ERRNO


@machines
@pytest.mark.parametrize("request_", [0x5412, 0x541C, 0x5423, HIGH_HALF | 0x5412])
def test_input_into_a_terminal_is_refused(ask, machine, request_):
    assert verdict(ask, machine, "ioctl", 0, request_) == ERRNO | errno.EPERM


@machines
def test_other_terminal_requests_pass(ask, machine):
    assert verdict(ask, machine, "ioctl", 0, 0x5401) == ALLOW


@machines
@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6777])
def test_set_id_modes_are_refused_wherever_a_mode_is_given(ask, machine, mode):
    calls = {
        "chmod": (0, mode),
        "fchmod": (3, mode),
        "fchmodat": (AT_FDCWD, 0, mode),
        "fchmodat2": (AT_FDCWD, 0, mode),
        "creat": (0, mode),
        "open": (0, 0o101, mode),
        "openat": (AT_FDCWD, 0, 0o101, mode),
    }
    present = {name: arguments for name, arguments in calls.items() if number(machine, name) >= 0}
    passed = [name for name, arguments in present.items() if verdict(ask, machine, name, *arguments) == ALLOW]
    assert passed == []


@machines
def test_an_unnamed_set_id_file_is_refused(ask, machine):
    o_tmpfile_rdwr = 0o20200002
    assert verdict(ask, machine, "openat", AT_FDCWD, 0, o_tmpfile_rdwr, 0o4755) == ERRNO | errno.EPERM


@machines
def test_a_mode_left_in_the_register_of_a_plain_open_is_not_looked_at(ask, machine):
    assert verdict(ask, machine, "openat", AT_FDCWD, 0, 0, 0o7777) == ALLOW


@machines
def test_a_second_table_of_calls_kills(ask, machine):
    answers = [ask(program, machine, 1, audit=I386) for program in load_filters(machine=machine)]
    assert answers == [KILL, KILL]


def test_x32_kills(ask):
    answers = [ask(program, "x86_64", X32_BIT | 1) for program in load_filters(machine="x86_64")]
    assert answers == [KILL, KILL]


@machines
@pytest.mark.parametrize("kind", ["names", "rules"])
def test_the_shipped_filters_are_what_the_table_compiles_to(ask, machine, kind):
    built, shipped = compile_filter(kind, machine), (FOLDER / f"{kind}-{machine}.bpf").read_bytes()
    assert built == shipped or answers(ask, built, machine) == answers(ask, shipped, machine)


def test_no_call_is_both_listed_and_refused():
    listed = {name for group in ALLOWED.values() for name in group.split()}
    refused = {name for refusal in REFUSED for name in refusal.names.split()}
    assert listed & refused == set()


def test_a_changed_byte_makes_the_sandbox_unavailable(tmp_path: Path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    blob = tmp_path / "rules-x86_64.bpf"
    data = bytearray(blob.read_bytes())
    data[100] ^= 1
    blob.write_bytes(data)
    with pytest.raises(SandboxUnavailable, match="not the one that was shipped"):
        load_filters(tmp_path, machine="x86_64")


@pytest.mark.parametrize("name", ["names-x86_64.bpf", DIGESTS])
def test_a_missing_file_makes_the_sandbox_unavailable(tmp_path: Path, name):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).unlink()
    with pytest.raises(SandboxUnavailable, match="cannot be read"):
        load_filters(tmp_path, machine="x86_64")


def test_an_unknown_architecture_makes_the_sandbox_unavailable():
    with pytest.raises(SandboxUnavailable, match="no seccomp filter for this architecture"):
        load_filters(machine="riscv64")
