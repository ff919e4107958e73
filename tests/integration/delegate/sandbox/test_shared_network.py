"""Commands that share a network reach each other by loopback, and nothing else."""

from __future__ import annotations

import asyncio
import socket

import pytest

from bridle.core.boundary import Limits
from bridle.delegate.sandbox import bubblewrap, network
from bridle.delegate.sandbox.bubblewrap import Bubblewrap
from bridle.delegate.sandbox.network import HeldNetwork
from bridle.delegate.sandbox.policy import SandboxPolicy, SandboxUnavailable

PYTHON = "/usr/bin/python3"
SERVES = """
import socket
server = socket.create_server(("127.0.0.1", 8123))
print("listening", flush=True)
while True:
    client, _ = server.accept()
    client.sendall(b"hello")
    client.close()
"""
ASKS = """
import socket, sys, time
for _ in range(100):
    try:
        print(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2).recv(9).decode())
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
else:
    print("refused")
"""
GOES_OUT = """
import socket, sys
for family, address in ((2, ("192.0.2.1", 80)), (2, ("127.0.0.1", int(sys.argv[1]))), (1, "\\0" + sys.argv[2])):
    try:
        socket.socket(family).connect(address)
        print("HAPPENED", address)
    except OSError:
        print("refused")
"""
RECONFIGURES = """
import fcntl, socket, struct
taken = struct.pack("16sH14s", b"lo", 0, b"")
try:
    fcntl.ioctl(socket.socket(), 0x8914, taken)  # SIOCSIFFLAGS: take loopback down
    print("HAPPENED")
except OSError:
    print("refused")
"""


@pytest.fixture
def policy(workspace):
    return SandboxPolicy(workspace, limits=Limits(wall_s=20))


def python(source, *arguments):
    return [PYTHON, "-I", "-c", source, *arguments]


async def test_commands_reach_each_other_and_neither_the_host_nor_anything_beyond(policy):
    sandbox, ended = Bubblewrap(), asyncio.Event()
    shared = await sandbox.open_network()
    try:
        with socket.create_server(("127.0.0.1", 0)) as host, socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind("\0bridle-shared-test")
            abstract.listen()
            service = asyncio.create_task(sandbox.run(policy, python(SERVES), network=shared, ended=ended))
            port = str(host.getsockname()[1])
            within, alone, outside, changing = await asyncio.gather(
                sandbox.run(policy, python(ASKS, "8123"), network=shared),
                sandbox.run(policy, python(ASKS.replace("100", "1"), "8123")),
                sandbox.run(policy, python(GOES_OUT, port, "bridle-shared-test"), network=shared),
                sandbox.run(policy, python(RECONFIGURES), network=shared),
            )
        assert within.stdout == b"hello\n"
        assert alone.stdout == b"refused\n"
        assert outside.stdout == b"refused\n" * 3
        assert changing.stdout == b"refused\n"
        ended.set()
        stopped = await service
        assert (stopped.why, stopped.stdout) == ("stopped", b"listening\n")
    finally:
        shared.close()


async def test_a_command_that_is_not_in_the_network_of_its_stage_is_not_let_go(policy, monkeypatch):
    shared = await Bubblewrap().open_network()
    monkeypatch.setattr(HeldNetwork, "enter", lambda self: [])
    try:
        with pytest.raises(SandboxUnavailable, match="not in the network of its stage"):
            await Bubblewrap().run(policy, ["/bin/sh", "-c", "echo ran"], network=shared)
    finally:
        shared.close()


async def test_a_network_whose_holder_is_gone_takes_nobody_in(policy):
    shared = await Bubblewrap().open_network()
    shared.close()
    with pytest.raises(SandboxUnavailable):
        await Bubblewrap().run(policy, ["/bin/sh", "-c", "echo ran"], network=shared)


async def test_a_network_of_which_a_canary_was_found_is_given_to_nobody(monkeypatch):
    async def leaks(machine, held):
        return ("host listener",)

    monkeypatch.setattr(bubblewrap, "_PROVED_NETWORKS", set())
    monkeypatch.setattr(bubblewrap, "probe_network", leaks)
    with pytest.raises(SandboxUnavailable, match="host listener"):
        await Bubblewrap().open_network()


async def test_without_the_program_that_joins_there_is_no_network(monkeypatch):
    def missing(name):
        raise SandboxUnavailable(f"the program {name} was not found", reason="program-missing")

    monkeypatch.setattr(network, "find_program", missing)
    with pytest.raises(SandboxUnavailable, match="nsenter"):
        await Bubblewrap().open_network()


async def test_a_holder_that_stayed_in_our_network_is_refused(monkeypatch):
    monkeypatch.setattr(network, "_HOLDER", [word for word in network._HOLDER if word != "--unshare-net"])
    with pytest.raises(SandboxUnavailable, match="is in ours"):
        await Bubblewrap().open_network()
