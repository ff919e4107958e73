"""`bridle cancel`, `pause` and `resume` beside a server that holds the execution: they record, and the server notices."""

import asyncio

import pytest

from bridle.trust.journal import Kind
from integration.durable.conftest import until
from integration.serving.test_serve import GENEROUS_S, NAP, QUICK, SLOW, begun, ended


@pytest.fixture
def napping(house):
    """An execution that waits for an hour, in a server."""
    server = house.serve()
    execution = house.run(NAP)
    until(lambda: house.told(server, "waiting", execution), within_s=60)
    return execution


def bodies(house, execution, kind):
    return [record.body for record in asyncio.run(house.records(execution, kind))]


@pytest.mark.parametrize(
    ("word", "kind"), [("cancel", Kind.CANCEL_REQUESTED), ("pause", Kind.EXECUTION_PAUSED)]
)
def test_a_wish_for_what_a_server_holds_is_only_recorded(house, napping, word, kind):
    done = house.bridle(word, napping, "--why", "wrong branch", "--json")
    assert (done.code, done.json) == (0, {"execution": napping, "wish": word, "carried": False}), done.said
    (body,) = bodies(house, napping, kind)
    assert (body["by"][:5], body["why"]) == ("user:", "wrong branch")


def test_what_is_resumed_detached_is_left_to_the_server(house, napping):
    house.bridle("pause", napping)
    done = house.bridle("resume", napping, "--detach", "--json")
    assert (done.code, done.json) == (0, {"execution": napping, "carried": False}), done.said
    assert len(bodies(house, napping, Kind.EXECUTION_RESUMED)) == 1


def test_a_command_that_runs_is_ended_at_once_when_its_execution_is_cancelled(house):
    house.serve()
    execution = house.run(SLOW.replace("sleep 3", "sleep 300"))
    until(begun(house, execution, "work/long"), within_s=60)
    assert house.bridle("cancel", execution, "-q").code == 0
    until(ended(house, execution), within_s=GENEROUS_S)


def list_left_behind(house):
    """Return, of each execution, whether nobody carries it; nothing while there is no store."""
    done = house.bridle("executions", "--json")
    return [row["left_behind"] for row in done.json] if done.code == 0 else []


def test_what_its_process_died_over_is_said_to_be_carried_by_nobody(house):
    file = house.bridle.room.path / "pipeline.yaml"
    file.write_text(SLOW.replace("sleep 3", "sleep 300"), "utf-8")
    command = house.bridle.start("run", str(file), "--json")
    until(lambda: list_left_behind(house) == [False], within_s=60)
    command.kill()
    until(lambda: list_left_behind(house) == [True], within_s=60)


def test_what_has_ended_cannot_be_cancelled_and_says_so(house):
    server = house.serve()
    execution = house.run(QUICK)
    until(lambda: house.told(server, "ended", execution), within_s=60)
    done = house.bridle("cancel", execution, "--json")
    assert (done.code, done.json["type"]) == (2, "urn:bridle:problem:has-ended"), done.said


def test_what_is_not_there_cannot_be_paused(house):
    house.serve()
    done = house.bridle("pause", "exe_9", "--json")
    assert (done.code, "exe_9" in done.json["detail"]) == (2, True), done.said
