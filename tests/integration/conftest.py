"""A real store on SQLite for every test that wants one; `store_url` can be overridden to run them on PostgreSQL."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridle.adapters.sql.database import Database, open_database
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.working import WorkingStore
from bridle.core.clock import FrozenClock
from bridle.gate.approvals import Approval
from bridle.trust.keys import Signer, load_signer


@dataclass
class Store:
    database: Database
    journal: SqlJournal
    working: WorkingStore
    signer: Signer
    folder: Path

    def files(self):
        return [path for path in self.folder.iterdir() if path.is_file() and "bridle.db" in path.name]


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def store(tmp_path, clock):
    database = open_database(f"sqlite:///{tmp_path / 'bridle.db'}")
    working, signer = WorkingStore(b"w" * 32), load_signer(tmp_path / "control-plane.key")
    journal = SqlJournal(database, working, clock, signer)
    yield Store(database, journal, working, signer, tmp_path)
    database.close()


@pytest.fixture
def approval(clock):
    return Approval(
        id="apr_1",
        execution="exe_1",
        topic="approval/release",
        key="exe_1/ship/push#0.0",
        action="sha256:action",
        tool="git.push",
        message="Ship it?",
        rests_on={"commit": "c"},
        shown={},
        requested_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=1),
    )
