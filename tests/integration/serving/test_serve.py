"""`bridle serve`: it carries what is left to it, takes over what a killed one held, and leaves the rest when it is to end."""

import asyncio
import signal
import time

import pytest

from bridle.adapters.sql.schema import workers
from bridle.app import open_store
from bridle.engine.starting import derive_id
from bridle.trust.journal import Kind
from integration.durable.conftest import until

GENEROUS_S = 30.0  # for a machine that is busy with other tests; the goal is 5 s, and what it took is printed
SLOW = """
pipeline:
  id: slow
  stages:
    - id: work
      steps:
        - {id: before, run: "echo one >> log"}
        - {id: long, run: "sleep 3; echo two >> log"}
        - {id: after, run: {script: "cat log", output: []}}
"""
HELD = SLOW.replace("sleep 3", "until [ -e go ]; do sleep 0.05; done")
QUICK = "pipeline: {id: quick, stages: [{id: a, steps: [{id: b, run: 'true'}]}]}"
CHAIN = "pipeline: {id: parent, stages: [{id: a, chain: {uses: slow}}]}"
NAP = "pipeline: {id: nap, stages: [{id: a, steps: [{id: nap, wait: {duration: 1h}}]}]}"


def begun(house, execution, path):
    def look():
        records = asyncio.run(house.records(execution, Kind.INTENDED))
        return any(f"/{path}#" in record.subject for record in records)

    return look


def ended(house, execution):
    return lambda: asyncio.run(house.summary(execution)).state.ended


def states(house, execution):
    summary = asyncio.run(house.summary(execution))
    steps = [step for stage in summary.stages.values() for step in stage]
    return str(summary.state), [(step.path, str(step.state)) for step in steps]


def outcome(house, execution, path):
    (record,) = [
        record for record in asyncio.run(house.records(execution, Kind.STEP_ENDED)) if record.subject == path
    ]
    return record.body["output"]["stdout"]


def test_another_takes_over_what_a_killed_server_held_and_it_ends_the_same(house):
    first = house.serve()
    execution = house.run(SLOW)
    until(begun(house, execution, "work/long"), within_s=60)
    second = house.serve()
    first.kill(signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: house.told(second, "taken", execution), within_s=GENEROUS_S)
    print(f"taken over {time.monotonic() - killed:.2f} s after SIGKILL, on {house.bridle.room.store[:10]}")
    until(ended(house, execution), within_s=60)
    paths = ["work/before", "work/long", "work/after"]
    assert states(house, execution) == ("succeeded", [(path, "succeeded") for path in paths])
    assert outcome(house, execution, "work/after") == "one\ntwo\n"


def test_a_server_tells_what_it_takes_and_how_it_ends(house):
    server = house.serve()
    execution = house.run(QUICK)
    until(lambda: house.told(server, "ended", execution), within_s=60)
    told = [(line["event"], line["state"]) for line in house.told(server, execution=execution)]
    assert (told[0][0], told[-1]) == ("taken", ("ended", "succeeded"))


def test_a_server_that_is_to_end_finishes_the_step_in_hand_and_leaves_the_rest_to_others(house):
    first = house.serve()
    execution = house.run(SLOW)
    until(begun(house, execution, "work/long"), within_s=60)
    first.kill(signal.SIGTERM)
    assert first.wait() == 0, first.stderr
    assert "Traceback" not in first.stderr
    assert house.told(first)[-1]["steps_cut_short"] == "0"
    left = states(house, execution)[1]
    assert (left[1][1], left[2][1]) == ("succeeded", "pending")
    house.serve()
    until(ended(house, execution), within_s=60)
    starts = [record.subject for record in asyncio.run(house.records(execution, Kind.INTENDED))]
    assert (states(house, execution)[0], len(starts)) == ("succeeded", 3)


def test_a_server_does_not_wait_longer_than_its_grace(house):
    server = house.serve("--grace", "0.2")
    execution = house.run(SLOW.replace("sleep 3", "sleep 60"))
    until(begun(house, execution, "work/long"), within_s=60)
    server.kill(signal.SIGINT)
    assert server.wait(20) == 0
    assert house.told(server)[-1]["steps_cut_short"] == "1"


def test_a_server_that_has_nothing_in_hand_ends_at_once_and_its_waits_live_on(house):
    first = house.serve()
    execution = house.run(NAP)
    until(lambda: house.told(first, "waiting", execution), within_s=60)
    first.kill(signal.SIGTERM)
    assert first.wait(20) == 0
    second = house.serve()
    until(lambda: house.told(second, "waiting", execution), within_s=GENEROUS_S)


def test_without_a_server_a_detached_execution_is_carried_here(house):
    file = house.bridle.room.path / "pipeline.yaml"
    file.write_text(QUICK, "utf-8")
    done = house.bridle("run", str(file), "--detach", "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said


@pytest.mark.parametrize("begun_url", ["sqlite"], indirect=True)
def test_what_died_before_it_was_begun_is_begun_by_a_server(house):
    """The record of the start is written, and the process dies before the engine hears of it."""
    file = house.bridle.room.path / "pipeline.yaml"
    file.write_text(QUICK, "utf-8")
    dead = house.bridle.start(call="integration.serving.jobs:start_and_die", argument=str(file))
    assert dead.wait() == 9, dead.stderr
    server = house.serve()
    until(lambda: house.told(server, "ended"), within_s=60)
    assert house.told(server, "ended")[0]["state"] == "succeeded"


def test_resuming_what_a_live_server_holds_follows_it_and_carries_nothing(house):
    server = house.serve()
    execution = house.run(SLOW)
    until(begun(house, execution, "work/long"), within_s=60)
    done = house.bridle("resume", execution, "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said
    assert len(asyncio.run(house.records(execution, Kind.INTENDED))) == 3
    until(lambda: house.told(server, "ended", execution), within_s=GENEROUS_S)


def test_a_server_whose_work_another_has_taken_over_ends_and_says_so(house):
    server = house.serve()
    execution = house.run(SLOW.replace("sleep 3", "sleep 60"))
    until(begun(house, execution, "work/long"), within_s=60)
    asyncio.run(take_its_lease(house))
    assert server.wait(30) == 5
    assert "another process has taken over" in server.stderr
    assert "Traceback" not in server.stderr


async def take_its_lease(house):
    """Do what another server does to one that was silent for too long."""
    with open_store(house.bridle.room.settings) as store:
        await store.database.write(lambda connection: connection.execute(workers.update().values(taken=True)))


@pytest.mark.parametrize("begun_url", ["sqlite"], indirect=True)
def test_without_a_server_what_is_resumed_detached_is_carried_here(house):
    file = house.bridle.room.path / "pipeline.yaml"
    file.write_text(QUICK, "utf-8")
    dead = house.bridle.start(call="integration.serving.jobs:start_and_die", argument=str(file))
    assert dead.wait() == 9, dead.stderr
    done = house.bridle("resume", "--detach", "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said


def test_resuming_one_execution_of_a_dead_server_carries_it_with_its_children_alone(house):
    server = house.serve()
    other = house.run(SLOW)
    until(begun(house, other, "work/long"), within_s=60)
    for folder in (".git", "pipelines"):
        (house.bridle.room.path / folder).mkdir()
    (house.bridle.room.path / "pipelines" / "slow.yaml").write_text(SLOW, "utf-8")
    execution = house.run(CHAIN)
    child = derive_id(execution, "a/chain")
    until(begun(house, child, "work/long"), within_s=60)
    server.kill()
    before = len(asyncio.run(house.records(other)))
    done = house.bridle("resume", execution, "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.said
    assert len(asyncio.run(house.records(other))) == before
