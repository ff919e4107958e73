"""What a reader may open, and that the store and the journal tell of the same executions."""

from pathlib import Path

import pytest

from bridle.surfaces.cli.reading import check_listed, sqlite_file
from bridle.trust.journal import GENESIS, Entry, JournalError, Kind, seal


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////srv/b.db", Path("/srv/b.db")),
        ("sqlite:///b.db", Path("b.db")),
        ("sqlite+pysqlite:////srv/b.db?timeout=1", Path("/srv/b.db")),
        ("postgresql://ana@host/bridle", None),
        ("nonsense", None),
    ],
)
def test_only_an_address_of_sqlite_names_a_file(url, file):
    assert sqlite_file(url) == file


def started(execution, kind=Kind.EXECUTION_STARTED):
    entry = Entry(kind, execution, execution, {})
    return seal(seq=0, record_id="rec_1", at="", entry=entry, raw={}, previous=GENESIS)


def test_every_listed_execution_has_its_start_in_the_journal():
    check_listed(["exe_1"], [started("exe_1"), started("exe_2")])


@pytest.mark.parametrize("records", [[], [started("exe_1"), started("exe_2", Kind.EXECUTION_ENDED)]])
def test_an_execution_without_its_start_is_named(records):
    with pytest.raises(JournalError, match="exe_2") as caught:
        check_listed(["exe_1", "exe_2"], records)
    assert caught.value.exit_code == 3
