"""Runs inside a sandbox and reports what it could do there: the inner half of the probe.

It is passed to the system's Python as source text, so it imports nothing of Bridle, and nothing that starts slowly. It
reads from standard input where the canaries are, tries each way out, and prints one JSON object: name of the check to
whether it held. An error other than the expected refusal ends it, and then nothing counts as held.
"""

# pathlib, and typing at run time, would double the start of a program that runs before every first command.
# ruff: noqa: PTH110, PTH115, PTH116, PTH123, PTH208

from __future__ import annotations

import json
import os
import signal
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CLONE_NEWUSER = 0x10000000
PTRACE_TRACEME = 0
AF_VSOCK, HOST_CID = 40, 2


def check(planted: dict[str, Any]) -> dict[str, bool]:
    clean = is_clean("self") and is_clean("1")  # first: a libffi that ctypes loads may keep itself open
    status = read_status("self")
    return {
        "user": status["Uid"].split() == ["65534"] * 4 and status["Gid"].split() == ["65534"] * 4,
        "groups": set(status["Groups"].split()) <= {"65534"},
        "capabilities": all(int(status[name], 16) == 0 for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")),
        "no new privileges": status["NoNewPrivs"] == "1",
        "filters": status["Seccomp"] == "2" and read_status("1")["Seccomp"] == "2",
        "nested namespace": is_refused(lambda: call("unshare", CLONE_NEWUSER)),
        "tracing": is_refused(lambda: call("ptrace", PTRACE_TRACEME, 0, 0, 0)),
        "namespaces": all(
            os.stat("/proc/self/ns/" + name).st_ino != ino for name, ino in planted["namespaces"].items()
        ),
        "only loopback": list_interfaces() == ["lo"],
        "host listener": is_refused(lambda: connect(socket.AF_INET, ("127.0.0.1", planted["port"]))),
        "abstract socket": is_refused(lambda: connect(socket.AF_UNIX, "\0" + planted["abstract"])),
        "vsock": is_refused(lambda: socket.socket(AF_VSOCK, socket.SOCK_STREAM)),
        "netlink": is_refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM)),
        "secret file": not os.path.exists(planted["secret"]),
        "environment": planted["token"] not in os.environ.values(),
        "host processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[-1] <= 8,
        "descriptors": clean,
        "read-only": not any(map(is_writable, planted["read_only"])),
        "scratch": is_writable("/workspace/.bridle/canary"),
        "memory": planted["memory_bytes"] == 0 or is_killed_beyond(planted["memory_bytes"]),
        "pids": planted["pids"] == 0 or count_forks(planted["pids"] * 2) < planted["pids"],
    }


def read_status(pid: str) -> dict[str, str]:
    with open(f"/proc/{pid}/status") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def list_interfaces() -> list[str]:
    with open("/proc/net/dev") as file:
        return [line.split(":")[0].strip() for line in file if ":" in line]


def call(name: str, *arguments: int) -> None:
    import ctypes

    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def connect(family: socket.AddressFamily, address: str | tuple[str, int]) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        client.connect(address)


def is_writable(path: str) -> bool:
    try:
        with open(path, "w") as file:
            file.write("x")
    except OSError:
        return False
    return True


def is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def is_clean(pid: str) -> bool:
    """Standard streams, our own look at the folder, and the first process's event counter: no way to a host file."""
    folder = f"/proc/{pid}/fd/"
    names = {}
    for number in os.listdir(folder):
        try:
            names[number] = os.readlink(folder + number)
        except FileNotFoundError:
            continue
    return all(number in "012" or name.startswith("anon_inode:[eventfd") for number, name in names.items())


def is_killed_beyond(limit_bytes: int) -> bool:
    child = os.fork()
    if child == 0:
        b"x" * (2 * limit_bytes)
        os._exit(0)
    _, state = os.waitpid(child, 0)
    return os.WIFSIGNALED(state) and os.WTERMSIG(state) == signal.SIGKILL


def count_forks(most: int) -> int:
    children: list[int] = []
    try:
        while len(children) < most:
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except BlockingIOError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
    return len(children)


if __name__ == "__main__":
    print(json.dumps(check(json.load(sys.stdin))))
