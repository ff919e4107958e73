"""A database that drops all its connections, as one that restarts does: what runs meanwhile ends as it should."""

import asyncio
import contextlib

import psycopg
import pytest

from bridle.trust.journal import Kind
from integration.durable.conftest import until

from .test_serve import HELD, begun, ended, outcome, states

DROP = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@pytest.fixture(params=["postgresql"])
def empty_url(request, postgres):
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


def drop_connections(url):
    """Drop every connection to a store, and return how many there were."""
    with psycopg.connect(url) as connection:
        (count,) = connection.execute(DROP, (connection.info.dbname,)).fetchone()
    return count


def test_a_server_goes_on_with_what_it_held_when_its_database_comes_back(house):
    server = house.serve()
    execution = house.run(HELD)
    until(begun(house, execution, "work/long"), within_s=60)
    assert drop_connections(house.bridle.room.store) > 0

    def look():
        with contextlib.suppress(
            FileNotFoundError
        ):  # the workspace is being put back to what it was before the step
            house.release(execution)  # again and again: one that begins anew does not find what was there
        return ended(house, execution)()

    until(look, within_s=60)
    assert server.poll() is None, server.stderr
    paths = ["work/before", "work/long", "work/after"]
    assert states(house, execution) == ("succeeded", [(path, "succeeded") for path in paths])
    assert outcome(house, execution, "work/after") == "one\ntwo\n"
    intents = asyncio.run(house.records(execution, Kind.INTENDED))
    assert len(intents) == len({record.subject for record in intents})
