"""What a hostile command tries, and that it gets nowhere."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from bridle.adapters.people.folder import PeopleFolder
from bridle.core.errors import InputError
from bridle.delegate.sandbox.bubblewrap import Bubblewrap

LIBC = (
    "import ctypes, os, socket, sys; libc = ctypes.CDLL(None, use_errno=True)\n"
    "CLONE, KEYCTL = {'x86_64': (56, 250), 'aarch64': (220, 219)}[os.uname().machine]\n"
)
REFUSED = "print('refused' if {call} < 0 else 'HAPPENED')"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


@pytest.fixture
def secret():
    """A file that anybody on the host may read."""
    folder = Path(tempfile.mkdtemp(prefix="bridle-secret-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "secret").write_text("hunter2")
    yield folder / "secret"
    shutil.rmtree(folder)


@pytest.fixture
def outsider():
    """The number of a process of the host."""
    with subprocess.Popen(["sleep", "30"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def inheritable():
    """A file of ours that a careless start would hand on."""
    with Path("/etc/hostname").open() as file:
        os.set_inheritable(file.fileno(), True)
        yield file


def list_commands():
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


async def attempt(run_python, source, **policy):
    result = await run_python(LIBC + source, **policy)
    assert result.why == "exit", result
    return result.stdout.decode().split() or [result.stderr.decode().strip().splitlines()[-1]]


async def test_a_listener_on_the_host_is_not_reached(run_python, listener):
    port = listener.getsockname()[1]
    result = await run_python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")
    with pytest.raises(TimeoutError):
        listener.accept()
    assert b"ConnectionRefusedError" in result.stderr


async def test_no_name_is_resolved_and_no_address_outside_reached(run_python):
    said = await attempt(
        run_python,
        "def told(call):\n"
        "    try: call(); return 'HAPPENED'\n"
        "    except OSError: return 'refused'\n"
        "print(told(lambda: socket.getaddrinfo('example.org', 443)))\n"
        "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "print(told(lambda: udp.sendto(b'x', ('192.0.2.1', 53))))\n"
        "print(told(lambda: socket.create_connection(('192.0.2.1', 80), 2)))\n",
    )
    assert said == ["refused"] * 3


@pytest.mark.parametrize(
    "arguments",
    [
        "40, 1",
        "socket.AF_NETLINK, socket.SOCK_RAW",
        "socket.AF_PACKET, socket.SOCK_RAW",
        "socket.AF_INET, 3",
        "38, 5",
    ],
    ids=["vsock", "netlink", "packet", "raw", "alg"],
)
async def test_other_kinds_of_sockets_are_refused(run_python, arguments):
    assert await attempt(run_python, REFUSED.format(call=f"libc.socket({arguments}, 0)")) == ["refused"]


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",
        "libc.unshare(0x00020000)",
        "libc.syscall(CLONE, 0x10000011, 0, 0, 0, 0)",
        "libc.syscall(435, 0, 0)",
        "libc.setns(os.open('/proc/1/ns/net', os.O_RDONLY), 0)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.mount(None, b'/workspace', None, 32 | 4096, None)",
        "libc.umount2(b'/workspace/.bridle', 2)",
        "libc.chroot(b'/tmp')",
        "libc.ptrace(16, 1, 0, 0)",
        "libc.ptrace(0, 0, 0, 0)",
        "libc.syscall(KEYCTL, 0, -3, 0)",
        "libc.syscall(425, 8, 0)",
        "libc.personality(0x0040000)",
        "libc.process_vm_readv(1, None, 0, None, 0, 0)",
        "libc.mknod(b'/tmp/device', 0o20666, os.makedev(1, 3))",
        "libc.chmod(b'/tmp', 0o4755)",
        "libc.fchmod(os.open('/tmp', os.O_RDONLY), 0o2755)",
        "libc.open(b'/tmp/set', os.O_CREAT | os.O_WRONLY, 0o6755)",
        "libc.ioctl(os.open('/dev/ptmx', os.O_RDWR), 0x5412, b'x')",
        "libc.sethostname(b'x', 1)",
        "libc.setuid(0)",
        "libc.setgroups(1, (ctypes.c_int * 1)(0))",
    ],
)
async def test_a_call_that_leads_out_is_refused(run_python, call):
    assert await attempt(run_python, REFUSED.format(call=call)) == ["refused"]


async def test_the_first_process_of_the_namespace_cannot_be_taken_over(run_python):
    # Same user, so its memory file may be opened; what counts is that nothing there is worth having.
    result = await run_python(
        "import os\n"
        "status = open('/proc/1/status').read()\n"
        "print(*[l.split()[1] for l in status.splitlines() if l.startswith(('CapEff', 'Seccomp:', 'NoNewPrivs'))])\n"
        "print(open('/proc/1/environ').read() == '')\n"
        "print(sorted(os.readlink('/proc/1/fd/' + n).split(':')[0] for n in os.listdir('/proc/1/fd')))\n"
    )
    lines = result.stdout.decode().splitlines()
    assert lines == ["0000000000000000 1 2", "True", "['anon_inode', 'pipe', 'pipe', 'socket']"]


async def test_a_secret_on_the_host_is_not_there(run, secret):
    result = await run(
        f"cat {secret}; cat /proc/1/root{secret}; ls /root /home /var/lib /etc/shadow; find / -name secret"
    )
    assert (result.stdout, b"hunter2" in result.stderr) == (b"", False)


async def test_the_keys_that_people_approve_with_are_not_there(run, tmp_path):
    PeopleFolder(tmp_path / "config").add("ana", account="", groups=["release"], attributes=[])
    key, people = tmp_path / "config" / "people" / "ana.key", tmp_path / "config" / "people.yaml"
    assert key.exists()
    result = await run(
        f"cat {key} {people} /proc/1/root{key}; cd {tmp_path}; find / -name ana.key -o -name people.yaml"
    )
    assert (result.stdout, b"PRIVATE KEY" in result.stderr) == (b"", False)


async def test_processes_of_the_host_are_not_there(run, outsider):
    look = f"ls -d /proc/[0-9]* | wc -l; kill -0 {outsider} && echo SEEN; cat /proc/{outsider}/environ"
    assert int((await run(look)).stdout) < 6


async def test_no_descriptor_of_ours_is_inherited(run, inheritable):
    result = await run("ls /proc/self/fd")
    assert result.stdout.split() == [b"0", b"1", b"2", b"3"]


async def test_nothing_but_the_writable_can_be_written(run, workspace):
    result = await run(
        "for p in / /usr /etc /opt /dev /run /proc /workspace /workspace/src /workspace/src/tests /sys; do"
        " (: > $p/x) 2> /dev/null && echo WROTE $p; done; : > notes.txt; : > src/code.py; rm -f notes.txt; mv src s"
    )
    unchanged = (workspace / "notes.txt").read_text() + (workspace / "src/code.py").read_text()
    assert (result.stdout, unchanged) == (b"", "notescode")


async def test_read_only_wins_over_writable(run, workspace):
    attack = (
        "echo evil > src/tests/test_code.py; rm -rf src/tests; : > src/tests/conftest.py; chmod 777 src/tests"
    )
    await run(attack, writable=(".",), read_only=("src/tests",))
    tests = {path.name: path.read_text() for path in (workspace / "src/tests").iterdir()}
    assert tests == {"test_code.py": "test"}


async def test_a_protected_folder_cannot_be_moved_aside_with_its_parent(run, workspace):
    attack = "mv src aside; mkdir -p src/tests; echo evil > src/tests/test_code.py"
    await run(attack, writable=(".",), read_only=("src/tests",))
    assert (workspace / "src/tests/test_code.py").read_text() == "test"


async def test_a_protected_file_cannot_be_replaced(run, workspace):
    attack = "echo evil > other; mv -f other src/code.py; rm -f src/code.py; ln -f other src/code.py; echo evil > src/code.py"
    await run(attack, writable=(".",), read_only=("src/code.py",))
    assert (workspace / "src/code.py").read_text() == "code"


async def test_a_hard_link_gives_no_second_name_to_a_protected_file(run, workspace):
    await run("ln src/tests/test_code.py mine; echo evil > mine", writable=(".",), read_only=("src/tests",))
    assert (workspace / "src/tests/test_code.py").read_text() == "test"


@pytest.mark.parametrize("role", ["writable", "read_only"])
@pytest.mark.parametrize("path", ["link", "link/below", "src/../src", "/etc", "no-such-path"])
async def test_a_path_that_is_not_plainly_inside_is_refused(run, workspace, role, path):
    (workspace / "link").symlink_to("/usr")
    with pytest.raises(InputError):
        await run("true", **{role: (path,)})


async def test_a_scratch_folder_that_became_a_link_is_refused(run, workspace):
    (workspace / ".bridle").symlink_to("/usr")
    with pytest.raises(InputError):
        await run("true")


async def test_a_link_made_inside_leads_nowhere_outside(run, secret):
    result = await run(f"ln -s {secret} src/link; cat src/link", writable=("src",))
    assert b"hunter2" not in result.stdout


async def test_a_fork_bomb_is_stopped_and_leaves_nothing(run_python):
    source = "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(60)"
    result = await run_python(source, limits={"pids": 32, "wall_s": 1})
    assert (result.why, "except OSError: time.sleep(60)" in list_commands()) == ("wall", False)


async def test_forks_beyond_the_limit_fail_and_say_so(run_python):
    result = await run_python(
        "import os\nwhile True:\n    if os.fork() == 0: os.read(0, 1) or __import__('time').sleep(9)",
        limits={"pids": 16},
    )
    hard = "pids" in (await Bubblewrap().probe()).hard
    assert result.why == ("pids" if hard else "exit")


async def test_a_memory_hog_is_stopped(run_python):
    result = await run_python(
        "held = []\nwhile True: held.append(b'x' * (1 << 20))", limits={"memory_mib": 64}
    )
    assert result.why == "oom"


async def test_terminal_of_the_caller_is_not_reachable(run):
    result = await run("cat < /dev/tty; tty")
    assert b"not a tty" in result.stdout
