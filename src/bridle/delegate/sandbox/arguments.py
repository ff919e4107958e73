"""A sandbox policy, compiled into bubblewrap's arguments.

Rules:
- Every namespace is asked for by name, none with `-try` (which goes on without isolation) but the cgroup one.
- The host's root is never bound: `/usr` is, read-only, and the few files below `/etc` that programs cannot do without.
  User and group files are made up. Everything is remounted read-only once it is in place.
- Every file system in memory has a size; `/dev` is read-only, or it would be one without.
- The environment is what the policy says; PATH, HOME, LANG and TMPDIR have defaults that it may replace.
- The arguments travel in a file descriptor, so that the host's process list does not show them.

It does not start anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridle.core.errors import ExecutionError, InputError
from bridle.delegate.sandbox.descriptors import Descriptors
from bridle.delegate.sandbox.machine import SANDBOX_UID
from bridle.delegate.sandbox.mounts import INSIDE, compile_binds
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxUnavailable

TOOLCHAIN = "/opt/venv"
LONGEST_VARIABLE_BYTES = 128 * 1024 - 1  # what Linux takes as one argument, its end included
LARGEST_ENVIRONMENT_BYTES = 1024 * 1024  # half of what it takes as all of them, where nothing else is said
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

_ISOLATION = f"""
    --unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try
    --uid {SANDBOX_UID} --gid {SANDBOX_UID} --hostname sandbox --die-with-parent --new-session
    --cap-drop ALL --clearenv --disable-userns --assert-userns-disabled
""".split()
_SYSTEM = tuple(
    word
    for line in (
        "--ro-bind /usr /usr",
        "--dir /etc",
        "--ro-bind-try /etc/alternatives /etc/alternatives",
        "--ro-bind-try /etc/ssl/certs /etc/ssl/certs",
        "--ro-bind-try /etc/ld.so.cache /etc/ld.so.cache",
        "--ro-bind-try /etc/localtime /etc/localtime",
        "--proc /proc",
        "--dev /dev",
        "--size 67108864 --tmpfs /dev/shm",
        "--remount-ro /dev",
        "--size 67108864 --tmpfs /tmp",
        "--size 1048576 --tmpfs /run",
        "--size 1048576 --tmpfs /var/tmp",
    )
    for word in line.split()
)
_CLOSING = f"--chdir {INSIDE} --remount-ro /run --remount-ro /".split()
_FILES = {
    "/etc/passwd": f"sandbox:x:{SANDBOX_UID}:{SANDBOX_UID}:sandbox:{INSIDE}:/bin/sh\n",
    "/etc/group": f"sandbox:x:{SANDBOX_UID}:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
}
_ENVIRONMENT = {"HOME": INSIDE, "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108  (the sandbox's own)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def compile_arguments(
    policy: SandboxPolicy, workspace: int, *, filters: Sequence[bytes], opened: Descriptors, joins: bool
) -> list[str]:
    """Return all arguments but those of the launch itself; the descriptors that they name go into `opened`.

    What `joins` stands in a network already that has nothing but loopback (network.py); anything else gets one of its own.
    """
    return [
        *(word for word in _ISOLATION if not (joins and word == "--unshare-net")),
        *_set_environment(policy),
        *list_top_level(),
        *_SYSTEM,
        *_list_files(opened),
        *_bind_toolchain(policy.toolchain),
        *compile_binds(policy, workspace, opened=opened),
        *_CLOSING,
        *_list_filters(filters, opened),
    ]


def check_command(argv: Sequence[str]) -> list[str]:
    """Return the command as a list; raise InputError when it cannot be passed to the kernel."""
    if not argv or not argv[0]:
        raise InputError("the command is empty", hint="give at least the name of a program")
    if any("\0" in word for word in argv):
        raise InputError("the command holds a NUL character", hint="pass binary data through standard input")
    return list(argv)


def _set_environment(policy: SandboxPolicy) -> list[str]:
    path = f"{TOOLCHAIN}/bin:{SYSTEM_PATH}" if policy.toolchain else SYSTEM_PATH
    wanted: Mapping[str, str] = {"PATH": path, **_ENVIRONMENT, **policy.env}
    for name, value in wanted.items():
        if not _NAME.fullmatch(name) or "\0" in value:
            raise InputError(
                f"{name!r} cannot be set in the environment of a command",
                hint="use letters, digits and underscores in the name, and no NUL character in the value",
            )
    sizes = {name: len(os.fsencode(f"{name}={value}")) for name, value in wanted.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    if sizes[largest] > LONGEST_VARIABLE_BYTES or sum(sizes.values()) > LARGEST_ENVIRONMENT_BYTES:
        raise ExecutionError(
            f"the environment of the command is too large: {sum(sizes.values())} bytes, {largest!r} alone {sizes[largest]}",
            hint=f"at most {LONGEST_VARIABLE_BYTES} bytes a variable and {LARGEST_ENVIRONMENT_BYTES} in all: write a file",
            reason="environment-too-large",
        )
    return [word for name, value in wanted.items() for word in ("--setenv", name, value)]


def list_top_level() -> list[str]:
    """Show /bin and its like as the host does: links into /usr, or folders of their own on older systems."""
    arguments: list[str] = []
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def _list_files(opened: Descriptors) -> list[str]:
    held = {path: opened.give_content(path, text.encode()) for path, text in _FILES.items()}
    return [word for path, number in held.items() for word in ("--file", str(number), path)]


def _list_filters(filters: Sequence[bytes], opened: Descriptors) -> list[str]:
    held = (opened.give_content("seccomp", program) for program in filters)
    return [word for number in held for word in ("--add-seccomp-fd", str(number))]


def _bind_toolchain(toolchain: Path | None) -> list[str]:
    if toolchain is None:
        return []
    interpreter = os.path.realpath(toolchain / "bin" / "python")
    if not interpreter.startswith("/usr/") or not Path(interpreter).exists():
        raise SandboxUnavailable(
            f"the toolchain's Python is {interpreter}, which the sandbox does not show",
            where=str(toolchain),
            hint="make the virtual environment from the system's Python: /usr/bin/python3 -m venv",
            reason="toolchain-unusable",
        )
    return ["--ro-bind", str(toolchain.resolve()), TOOLCHAIN]
