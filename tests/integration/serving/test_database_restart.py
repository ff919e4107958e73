"""A database that crashes and comes back under a server: what runs meanwhile ends as it should."""

import asyncio
import contextlib

import pytest

from bridle.core.errors import UnavailableError
from bridle.trust.journal import Kind
from integration.durable.conftest import until
from support.postgres import run_postgres

from .test_serve import HELD, begun, ended, outcome, states


@pytest.fixture
def database():
    """A server of its own: the one that tests share keeps its connections."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def begun_url(database):
    return database.url(database.create())


def test_a_server_goes_on_with_what_it_held_when_its_database_comes_back(house, database):
    server = house.serve()
    execution = house.run(HELD)
    until(begun(house, execution, "work/long"), within_s=60)
    database.crash()

    def look():
        with contextlib.suppress(FileNotFoundError):  # its workspace is being put back
            house.release(execution)  # again and again: a step that begins anew does not find what was there
        with contextlib.suppress(UnavailableError):  # the database is still recovering
            return ended(house, execution)()

    until(look, within_s=60)
    assert server.poll() is None, server.stderr
    paths = ["work/before", "work/long", "work/after"]
    assert states(house, execution) == ("succeeded", [(path, "succeeded") for path in paths])
    assert outcome(house, execution, "work/after") == "one\ntwo\n"
    intents = asyncio.run(house.records(execution, Kind.INTENDED))
    assert len(intents) == len({record.subject for record in intents})
