"""Opens the database: pragmas, the write transaction, migrations, and errors in our own words.

SQLite runs in WAL with synchronous=FULL: a committed intent survives a power cut; a writer may do without for what comes back by
itself. A write transaction takes its lock when it begins (BEGIN IMMEDIATE), because it reads the head of the journal before it
writes; on PostgreSQL the head's row is locked instead. Reads take no lock. Statements run on threads of the store's own,
never on the event loop, but for finding a few rows on SQLite.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine

from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.schema import NEWEST
from bridle.adapters.sql.writer import Writer
from bridle.core.errors import InputError, UnavailableError

T = TypeVar("T")

SUBSECONDS = (3, 42, 0)

BUSY_S = 30.0
DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
SILENT = "25P03"  # PostgreSQL's name of what IDLE_S comes to
IDLE_S = 4.0  # the lease's length (engine.durable): who is silent for so long counts as dead, and holds no lock either
BEGIN, COMMIT = Prepared(sa.text("BEGIN IMMEDIATE")), Prepared(sa.text("COMMIT"))
SYNC = {
    True: Prepared(sa.text("PRAGMA synchronous=FULL")),
    False: Prepared(sa.text("PRAGMA synchronous=NORMAL")),
}
ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7274433)"}
PRAGMAS = (f"busy_timeout={int(BUSY_S * 1000)}", "foreign_keys=ON")


class Database:
    """A database and the threads that talk to it: one for writing, so that records queue in order; two for reading."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        # A read is one statement: without a transaction around it PostgreSQL is asked once, not three times.
        self._reading = engine if self._is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writer = Writer(self._write)
        self._kept: dict[
            tuple[str, int], Connection
        ] = {}  # on SQLite: a pool costs more than most statements
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="store-read")

    async def write(self, work: Callable[[Connection], T], *, synced: bool = True, shares: bool = False) -> T:
        """Run `work` in one write transaction; one that `shares` may be run twice, with others beside it (`adapters.sql.writer`).

        One that is not `synced` outlives the process, and a power cut only when a synced one came after it.
        """
        return await self._writer.write(work, synced=synced, shares=shares)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` outside any transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def find(self, statement: Prepared, sought: Mapping[str, object]) -> Any | None:
        """Return the one row that `statement` finds by an index, or None."""
        return await self.look(lambda connection: statement.row(connection, sought))

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Read a few rows by an index, outside any transaction.

        On SQLite that is done on the spot: it takes the event loop less time than handing it to a thread and back, and a
        reader never waits for a writer there.
        """
        if not self._is_sqlite:
            return await self.read(work)
        with _own_words(self.engine.url):
            return self._with_kept("look", work)

    def close(self) -> None:
        """Wait for what is under way and close all connections."""
        self._writer.close()
        self._readers.shutdown()
        for connection in self._kept.values():
            connection.close()
        self.engine.dispose()

    def _write(self, work: Callable[[Connection], T], synced: bool) -> T:
        def transact(connection: Connection) -> T:
            """To the driver itself: what fails is taken back when its connection is closed."""
            _sync(connection, synced)
            BEGIN.change(connection)
            done = work(connection)
            COMMIT.change(connection)
            return done

        with _own_words(self.engine.url):
            if self._is_sqlite:
                return self._with_kept("write", transact)
            with self.engine.connect() as connection:
                writing = connection.execution_options(bridle_synced=synced)
                with writing.begin():
                    return work(writing)

    def _with_kept(self, use: str, work: Callable[[Connection], T]) -> T:
        """Run `work` on the connection that this thread keeps for one use; when it has failed, a new one takes its place."""
        key = use, threading.get_ident()
        connection = self._kept.get(key) or self._kept.setdefault(key, self.engine.connect())
        try:
            done = work(connection)
            connection.rollback()  # what SQLAlchemy began for a read; nothing is sent
        except BaseException:
            self._kept.pop(key).close()
            raise
        return done

    def _read(self, work: Callable[[Connection], T]) -> T:
        with _own_words(self.engine.url), self._reading.connect() as connection:
            return work(connection)


def _open_postgresql(url: URL) -> Engine:
    engine = sa.create_engine(url)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        """Who is stopped in the middle of a transaction must not keep the others, a kill least of all, from theirs."""
        connection.autocommit = True
        connection.execute(f"SET idle_in_transaction_session_timeout = {int(IDLE_S * 1000)}")
        connection.autocommit = False

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("bridle_synced", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return engine


def open_database(url: str) -> Database:
    """Open the database at `url` and bring its schema up to date; raise UnavailableError when it is out of reach."""
    parsed = _parse(url)
    with _own_words(parsed):
        engine = open_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _open_postgresql(parsed)
        migrate(engine)
    return Database(engine)


def _seconds(*modifiers: str) -> float:
    """`unixepoch('subsec')` for a SQLite that is older than that word: DBOS's tables have it as a default."""
    if modifiers not in ((), ("subsec",), ("now",), ("now", "subsec")):
        raise ValueError(f"unixepoch{modifiers} is not known here")
    return time.time() if "subsec" in modifiers else int(time.time())


def engine_url(store_url: str) -> str:
    """Return where the durable engine keeps its tables: a schema of its own, or on SQLite a file beside the store's.

    What it commits need not be synced to the disk at once: it is control flow, and what a power cut takes of it is done again
    and answered by the journal.
    """
    url = _parse(store_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        options = f"{url.query.get('options', '')} -c synchronous_commit=off".strip()
        return url.update_query_dict({"options": options}).render_as_string(hide_password=False)
    path = Path(url.database)
    return f"sqlite:///{path.with_name(path.stem + '-engine.db')}"


def open_sqlite(url: URL | str, *, immediate: bool = False, synced: bool = True) -> Engine:
    """Make an engine with our pragmas. `immediate` lets the driver begin, for code that is not ours; else we do.

    Without `synced` the last commits may be lost when the power is, never when a process dies.
    """
    engine = sa.create_engine(url, pool_size=20, max_overflow=20)
    if engine.url.database:
        _make_own(Path(engine.url.database))

    @event.listens_for(engine, "connect")
    def _prepare(connection, record):  # type: ignore[no-untyped-def]
        connection.isolation_level = "IMMEDIATE" if immediate else None
        for pragma in (*PRAGMAS, f"synchronous={'FULL' if synced else 'NORMAL'}"):
            connection.execute(f"PRAGMA {pragma}")
        write_ahead(connection)
        if sqlite3.sqlite_version_info < SUBSECONDS:
            connection.create_function("unixepoch", -1, _seconds)

    return engine


def _make_own(file: Path) -> None:
    """Make a file that nobody else reads, also where `./run` has made its folder already."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _sync(connection: Connection, synced: bool) -> None:
    """Have this connection wait for the disk or not, and say so only when it changes."""
    if connection.info.get("synced") != synced:
        SYNC[synced].change(connection)
        connection.info["synced"] = synced


def write_ahead(connection: sqlite3.Connection) -> None:
    """Have a SQLite file keep a write-ahead log; wait for whoever is about to open or to close it.

    SQLite does not wait here by itself: while another process makes the log, or removes it because it was the last one, this is
    refused at once, whatever the connection's patience is.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision, in one transaction, one process at a time."""
    if not _is_current(engine):
        _upgrade(engine)


def _is_current(engine: Engine) -> bool:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == NEWEST


def _upgrade(engine: Engine) -> None:
    from alembic import command  # loads half of SQLAlchemy's other half: only for a store that needs it
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        connection.exec_driver_sql(ALONE[engine.dialect.name])
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise InputError(
                f"this store was made by another version of Bridle: {error}",
                where=engine.url.render_as_string(hide_password=True),
                hint="use that version, or name another store",
                reason="other-version",
            ) from error


def _parse(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise InputError(f"{url!r} is not a store's address", hint=_ADDRESSES) from error
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return parsed
    raise InputError(f"{url!r} is not a store's address", hint=_ADDRESSES)


_ADDRESSES = "use sqlite:////absolute/path.db or postgresql://user@host/database"


HINTS = {
    "full": "free some space",
    "No space": "free some space",
    "disk I/O error": "look whether the disk is full, and whether it is sound",  # SQLite says no more of either
}


@contextmanager
def _own_words(url: URL) -> Iterator[None]:
    """Turn the driver's errors that a person can act on into ours; others are bugs and pass."""
    try:
        yield
    except exc.DatabaseError as error:
        cause = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        where = url.render_as_string(hide_password=True)
        if getattr(error.orig, "sqlite_errorname", "") in DAMAGED:  # not away: no later try finds it whole
            hint = "put a copy of it back; bridle audit verify checks what was exported"
            raise InputError(
                f"the store is damaged: {cause}", where=where, hint=hint, reason="store-damaged"
            ) from error
        if not isinstance(error, exc.OperationalError) and getattr(error.orig, "sqlstate", "") != SILENT:
            raise
        hint = next((hint for said, hint in HINTS.items() if said in cause), "check that it can be reached")
        raise UnavailableError(f"the store does not answer: {cause}", where=where, hint=hint) from error
    except OSError as error:
        raise UnavailableError(
            f"the store cannot be opened: {error.strerror}",
            where=url.render_as_string(hide_password=True),
            hint="BRIDLE_DATA_DIR or --store names a folder that is yours and has room",
        ) from error
