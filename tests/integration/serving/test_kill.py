"""`bridle kill` beside live servers: within five seconds what ran is dead, and who did not confirm is named."""

import asyncio
import os
import signal
import subprocess
import time

import pytest

from bridle.app import open_store
from bridle.trust.journal import Kind
from integration.durable.conftest import until
from integration.serving.test_serve import GENEROUS_S, NAP, QUICK, begun, ended

NUMBER = f"76{os.getpid()}"  # told from those of a test beside this one
SLEEPING = """
pipeline:
  id: sleeping
  stages:
    - id: work
      steps:
        - parallel:
            - {id: one, run: "sleep NUMBER"}
            - {id: two, run: "sleep NUMBER"}
""".replace("NUMBER", NUMBER)
WITHIN_S = 5.0


def sleepers():
    found = subprocess.run(["pgrep", "-f", f"sleep {NUMBER}"], capture_output=True, text=True, check=False)
    return found.stdout.split()


def state_and_note(house, execution):
    summary = asyncio.run(house.summary(execution))
    return str(summary.state), summary.note


@pytest.fixture
def sleeping(house):
    """Two servers; a pipeline that sleeps in one of them, and one that waits for an hour."""
    servers = [house.serve(), house.serve()]
    executions = [house.run(SLEEPING), house.run(NAP)]
    until(begun(house, executions[0], "work/one"), within_s=60)
    until(begun(house, executions[0], "work/two"), within_s=60)
    until(lambda: any(house.told(server, "waiting", executions[1]) for server in servers), within_s=60)
    until(lambda: len(sleepers()) >= 2, within_s=60)
    return servers, executions


@pytest.mark.parametrize("begun_url", ["sqlite"], indirect=True)
def test_everything_is_dead_within_five_seconds_and_every_process_has_confirmed(house, sleeping):
    servers, executions = sleeping
    began = time.monotonic()
    done = house.bridle("kill", "--all", "--reason", "it pays twice", "--json")
    took_s = time.monotonic() - began
    assert (done.code, sleepers()) == (0, []), done.said
    print(f"killed in {took_s:.2f} s, the command's own start included, on {house.bridle.room.store[:10]}")
    processes = done.json["processes"]
    assert [one["state"] for one in processes] == ["confirmed"] * 2
    assert {one["process"] for one in processes} == {
        house.told(server, "serving")[0]["process"] for server in servers
    }
    assert {*done.json["kill"]["concerned"]} == {*executions}
    for execution in executions:
        until(ended(house, execution), within_s=GENEROUS_S)
        assert state_and_note(house, execution) == (
            "cancelled",
            f"killed: it pays twice ({done.json['kill']['id']})",
        )
    file = house.bridle.room.path / "pipeline.yaml"
    file.write_text(QUICK, "utf-8")
    again = house.bridle("run", str(file), "--json")
    assert (again.code, again.json["type"]) == (3, "urn:bridle:problem:killed"), again.said
    lifted = house.bridle(
        "kill", "--lift", done.json["kill"]["id"], "--reason", "the cause is gone", "--json"
    )
    assert lifted.code == 0, lifted.said
    assert house.bridle("run", str(file), "--json").code == 0
    assert house.bridle("audit", "verify").code == 0


@pytest.mark.parametrize("begun_url", ["postgresql"], indirect=True)
def test_a_process_that_does_not_answer_is_named_and_can_write_nothing_when_it_goes_on(house):
    server, other = house.serve(), house.serve()
    execution = house.run(SLEEPING)
    until(begun(house, execution, "work/two"), within_s=60)
    with open_store(house.bridle.room.settings) as store:
        holder = asyncio.run(store.executions.get(execution))
    assert holder is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        done = house.bridle("kill", "--pipeline", "sleeping", "--reason", "it never ends", "--json")
        states = {one["process"]: one for one in done.json["processes"]}
        stopped = states[house.told(server, "serving")[0]["process"]]
        assert (done.code, stopped["state"], stopped["pid"]) == (4, "silent", server.pid), done.said
        assert states[house.told(other, "serving")[0]["process"]]["state"] == "confirmed"
        before = asyncio.run(house.records(execution))
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert server.wait() == 5
    until(ended(house, execution), within_s=GENEROUS_S)
    after = asyncio.run(house.records(execution))[len(before) :]
    assert Kind.INTENDED not in {record.kind for record in after}
    until(lambda: sleepers() == [], within_s=GENEROUS_S)
