"""The server that the tests start leaves nothing behind, however their process ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

TESTS = Path(__file__).parents[2]
SESSION = """
import sys, time
sys.path.insert(0, sys.argv[1])
from support.postgres import run_postgres
with run_postgres() as server:
    print(server.folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_and_its_data_are_gone_after_the_tests_were_killed(postgres, number):
    session = subprocess.Popen([sys.executable, "-c", SESSION, TESTS], stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    folder = Path(session.stdout.readline().strip())
    serving = folder.is_dir()
    os.kill(session.pid, number)
    session.wait()
    session.stdout.close()
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (serving, folder.exists()) == (True, False)


def test_the_server_does_not_run_as_root(postgres):
    owner = (postgres.folder / "data" / "postmaster.pid").stat().st_uid
    assert owner != 0


def test_the_server_listens_on_no_port(postgres):
    with psycopg.connect(postgres.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_dropped_database_is_gone_even_while_somebody_is_connected(postgres):
    name = postgres.create()
    with psycopg.connect(postgres.url(name)) as connection:
        postgres.drop(name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
