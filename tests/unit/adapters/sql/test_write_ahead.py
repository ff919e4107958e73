"""A SQLite store that somebody else is just making is waited for."""

import sqlite3
import threading

import pytest

from bridle.adapters.sql.database import write_ahead


@pytest.fixture
def made(tmp_path):
    """A file without a write-ahead log, in which another connection has begun to write."""
    path = tmp_path / "store.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN IMMEDIATE")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA busy_timeout=30000")
    yield connection, other
    connection.close()
    other.close()


def test_sqlite_itself_does_not_wait_here(made):
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        made[0].execute("PRAGMA journal_mode=WAL")


def test_the_log_is_kept_as_soon_as_the_other_is_done(made):
    connection, other = made
    ending = threading.Timer(0.1, lambda: other.execute("COMMIT"))
    ending.start()
    write_ahead(connection)
    ending.join()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_is_no_database_is_not_tried_again(tmp_path):
    path = tmp_path / "store.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        write_ahead(sqlite3.connect(path))
