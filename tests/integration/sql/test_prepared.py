"""Prepared statements: on both stores they answer as SQLAlchemy does."""

import pytest
import sqlalchemy as sa

from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.schema import journal, workers

ROW = {"id": "one", "beat_at": 1.5, "taken": True, "machine": "here", "pid": 7, "started": 3}
ENTER = Prepared(workers.insert(), *ROW)
FIND = Prepared(workers.select().where(workers.c.id == sa.bindparam("worker")))
KEEP = Prepared(journal.insert(), *journal.c.keys())
BYTES = Prepared(sa.select(journal.c.data).where(journal.c.seq == sa.bindparam("seq")))
RECORD = {"seq": 1, "id": "r", "execution": "", "subject": "", "kind": "", "hash": "", "data": b"\x00\xff"}


@pytest.fixture
def connection(store):
    with store.database.engine.connect() as connection:
        yield connection
        connection.rollback()


def test_rows_are_as_sqlalchemy_has_them(connection):
    ENTER.change(connection, ROW)
    usual = connection.execute(workers.select()).one()
    found = FIND.row(connection, {"worker": "one"})
    assert tuple(found) == tuple(usual)
    assert found.taken is True
    assert found.beat_at == 1.5


def test_bytes_come_back_as_bytes(connection):
    KEEP.change(connection, RECORD)
    assert bytes(BYTES.row(connection, {"seq": 1}).data) == b"\x00\xff"


def test_what_is_not_there_is_none(connection):
    assert FIND.row(connection, {"worker": "nobody"}) is None
    assert FIND.rows(connection, {"worker": "nobody"}) == []


def test_the_drivers_errors_are_sqlalchemys(connection):
    ENTER.change(connection, ROW)
    with pytest.raises(sa.exc.IntegrityError):
        ENTER.change(connection, ROW)


def test_a_change_tells_how_many_rows_it_changed(connection):
    leave = Prepared(workers.delete().where(workers.c.pid == sa.bindparam("of_pid")))
    assert ENTER.change(connection, ROW) == 1
    assert ENTER.change(connection, {**ROW, "id": "two"}) == 1
    assert leave.change(connection, {"of_pid": 7}) == 2
    assert leave.change(connection, {"of_pid": 7}) == 0


def test_two_rows_are_not_one(connection):
    ENTER.change(connection, ROW)
    ENTER.change(connection, {**ROW, "id": "two"})
    with pytest.raises(sa.exc.MultipleResultsFound):
        Prepared(workers.select()).row(connection)


def test_a_value_that_is_missing_is_an_error_and_no_null(connection):
    with pytest.raises((KeyError, sa.exc.StatementError)):
        FIND.row(connection, {})
