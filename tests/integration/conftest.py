"""A real store for every test that wants one: SQLite, and a PostgreSQL that the tests start.

What is about the store runs on both in every run: races, guards, whatever is counted, reserved or taken once, and who takes over.
Of what only needs a store, a fourth runs on PostgreSQL in the short form, some of each file; `-m long` runs the rest.
"""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dbos import DBOS

from bridle.adapters.rego.engine import Regorus
from bridle.adapters.rego.policy_set import PolicySet, load_policy_set
from bridle.adapters.sql.database import Database, engine_url, open_database
from bridle.adapters.sql.journal import SqlJournal
from bridle.adapters.sql.schema import journal_head, metadata
from bridle.adapters.sql.working import WorkingStore
from bridle.core.clock import FrozenClock
from bridle.gate.approvals import Approval
from bridle.trust.journal import GENESIS
from bridle.trust.keys import Signer, load_signer
from support.postgres import NoPostgres, Postgres, run_postgres

POLICIES = Path(__file__).parents[2] / "policies" / "base"

NEED_A_STORE = {"door", "durable", "engine", "gate", "serving"}
STORES = ("store_url", "begun_url")
EVERY_STORE = {
    "test_approval.py",
    "test_attempts.py",
    "test_breakers.py",
    "test_budget.py",
    "test_case_races.py",
    "test_crash_matrix.py",
    "test_kills.py",
    "test_limits.py",
    "test_queue.py",
    "test_spending.py",
}
RACES = re.compile(
    r"at_once|beside|once_and|race|same_(moment|time)|silent|sle(pt|eper)|take(s|n)_over|twice|two_"
)
ONE_IN = 4


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seen: Counter[Path] = Counter()
    for item in items:
        spec = getattr(item, "callspec", None)
        if spec is None or not any(spec.params.get(store) == "postgresql" for store in STORES):
            continue
        if item.path.parent.name not in NEED_A_STORE or item.path.name in EVERY_STORE:
            continue
        seen[item.path] += 1
        if seen[item.path] % ONE_IN != 1 and not RACES.search(item.name):
            item.add_marker(pytest.mark.long)


@dataclass
class Store:
    database: Database
    journal: SqlJournal
    working: WorkingStore
    signer: Signer
    folder: Path

    def at_rest(self) -> bytes:
        """Return all that lies in the database: every cell, and on SQLite the files as well."""
        with self.database.engine.connect() as connection:
            rows = [row for table in metadata.sorted_tables for row in connection.execute(table.select())]
        cells = [
            bytes(cell) if isinstance(cell, (bytes, memoryview)) else str(cell).encode()
            for row in rows
            for cell in row
        ]
        return b"\n".join([*cells, *(path.read_bytes() for path in self.folder.glob("bridle.db*"))])


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture(scope="session")
def policy_set() -> PolicySet:
    return load_policy_set([POLICIES])


@pytest.fixture(scope="session")
def policy(policy_set: PolicySet) -> Iterator[Regorus]:
    """The real engine, one for all tests: it keeps nothing between questions, and starting it takes a while."""
    engine = Regorus(policy_set, timeout_s=10.0)  # a busy machine must not turn an answer into a denial here
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the whole session; where its programs are missing these tests are skipped, which CI does not forgive."""
    try:
        with run_postgres() as server:
            yield server
    except NoPostgres as missing:
        pytest.skip(f"no PostgreSQL: {missing}")


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> Iterator[Database]:
    """One database with our schema: emptying it takes milliseconds, making another a quarter of a second."""
    database = open_database(postgres.url(postgres.create()))
    yield database
    database.close()


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our schema: copying it takes a millisecond, migrating another fifty."""
    path = tmp_path_factory.mktemp("empty") / "bridle.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, of either kind."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("empty_file"), tmp_path / "bridle.db")
        return f"sqlite:///{tmp_path / 'bridle.db'}"
    database: Database = request.getfixturevalue("shared_database")
    with database.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(journal_head.insert().values(id=1, size=0, hash=GENESIS, frontier="[]"))
    return database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store of either kind in which nobody has made anything, for one test alone."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bridle.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(scope="session")
def begun_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a store with our schema and the durable engine's, in which nothing is kept."""
    folder = tmp_path_factory.mktemp("begun")
    begin_store(f"sqlite:///{folder / 'bridle.db'}")
    return folder


@pytest.fixture(scope="session")
def begun_database(postgres: Postgres) -> str:
    """The name of a database that is the same: copying it takes a tenth of making another."""
    name = postgres.create()
    begin_store(postgres.url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def begun_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store of either kind that has its tables and keeps nothing, for one test alone."""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("begun_folder"), tmp_path, dirs_exist_ok=True)
        yield f"sqlite:///{tmp_path / 'bridle.db'}"
        return
    template = request.getfixturevalue("begun_database")
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create(template=template)
    yield server.url(name)
    server.drop(name)


def begin_store(url: str) -> None:
    """Make the tables that the first process at a store makes."""
    open_database(url).close()
    DBOS.migrate(engine_url(url))


@pytest.fixture
def store(store_url, tmp_path, clock):
    database = open_database(store_url)
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
