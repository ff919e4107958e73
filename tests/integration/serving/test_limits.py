"""Commands and servers that stand in one line."""

import asyncio

from integration.durable.conftest import until
from integration.serving.test_serve import GENEROUS_S, HELD, QUICK, begun
from support.commands import finish

ONE_AT_A_TIME = {"BRIDLE_MAX_EXECUTIONS": "1"}


def test_a_command_that_is_one_too_many_says_so_and_begins_when_the_other_has_ended(house):
    slow, quick = (house.bridle.room.path / name for name in ("slow.yaml", "quick.yaml"))
    slow.write_text(HELD, "utf-8")
    quick.write_text(QUICK, "utf-8")
    first = house.bridle.start("run", str(slow), environment=ONE_AT_A_TIME)
    until(lambda: "work/before succeeded" in first.stderr, within_s=60)
    second = house.bridle.start("run", str(quick), environment=ONE_AT_A_TIME)
    until(lambda: "queued: 0 ahead" in second.stderr, within_s=60)
    assert first.poll() is None
    house.release(house.bridle.records("execution.started")[0]["execution"])
    done = [finish(child) for child in (first, second)]
    assert [one.code for one in done] == [0, 0], done


def test_a_server_begins_what_is_left_to_it_one_after_the_other(house):
    server = house.serve(**ONE_AT_A_TIME)
    first, second = house.run(HELD), house.run(QUICK)
    until(begun(house, first, "work/long"), within_s=60)
    assert asyncio.run(house.summary(second)).note == "queued: 0 ahead"
    house.release(first)
    until(lambda: house.told(server, "ended", second), within_s=GENEROUS_S)
    told = [(line["event"], line["execution"]) for line in house.told(server) if "execution" in line]
    assert told.index(("ended", first)) < told.index(("taken", second))


def test_a_limit_that_is_no_number_is_refused(house):
    done = house.bridle("executions", "--json", environment={"BRIDLE_MAX_EXECUTIONS": "many"})
    assert (done.code, done.json["instance"]) == (2, "BRIDLE_MAX_EXECUTIONS")
