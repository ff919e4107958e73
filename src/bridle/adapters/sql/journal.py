"""The journal on SQL. One transaction appends records, seals raw values and makes the guarded changes.

The head's row holds size, last hash and the frontier of the Merkle tree; whoever appends holds it (a row lock on PostgreSQL, the
write lock on SQLite), so records have one order and no gaps over all processes. It is taken before the guards look at anything:
no two appends ever change rows side by side, so a guard sees what is so, and no two can wait for each other.

A checkpoint signs the root of what the head says; it is made in a transaction of its own and never speaks of records that are
not committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bridle.adapters.sql import (  # noqa: F401 - whoever has a journal has every guard: each file registers its own
    admission,
    approvals,
    attempts,
    breakers,
    budgets,
    cases,
    credentials,
    deeds,
    executions,
    kills,
    limits,
    locks,
    obligations,
    pins,
    principals,
    retention,
    rotations,
    sessions,
    tokens,
    work,
    writings,
)
from bridle.adapters.sql.database import Database
from bridle.adapters.sql.guards import apply_guard
from bridle.adapters.sql.journal_head import LOCK, Head
from bridle.adapters.sql.leases import LeaseLost, check_lease
from bridle.adapters.sql.prepared import Prepared
from bridle.adapters.sql.schema import checkpoints, journal, journal_head
from bridle.adapters.sql.working import WorkingStore
from bridle.core.clock import Clock, iso
from bridle.core.errors import InputError
from bridle.core.ids import new_id
from bridle.trust.journal import Entry, Guard, GuardError, Journal, JournalError, Kind, Record, seal, unseal
from bridle.trust.keys import Signer
from bridle.trust.log.checkpoint import sign_checkpoint
from bridle.trust.log.merkle import leaf_hash

ORIGIN = "bridle.local/journal"

# A leg's beginning: a power cut may take it, because what the leg does, and its end, are synced after it, and a leg of which
# nothing else is known begins again. Every other record is on the disk before anybody, the engine included, is told of it.
BEGINNINGS = frozenset({Kind.STEP_STARTED, Kind.TOKEN_MINTED})

# Made once: building a statement takes as long as running it.
INSERT = Prepared(journal.insert(), *journal.c.keys())
LAST = (
    sa.select(journal.c.data, journal.c.hash)
    .where(journal.c.execution == sa.bindparam("execution"), journal.c.subject == sa.bindparam("subject"))
    .order_by(journal.c.seq.desc())
    .limit(1)
)
HOLDS = {"sqlite": "instr(data, :sought) > 0", "postgresql": "position(:sought in data) > 0"}
BY_ID = Prepared(sa.select(journal.c.data, journal.c.hash).where(journal.c.id == sa.bindparam("record")))

SEALED = frozenset(
    {
        Kind.APPROVAL_REQUESTED,
        Kind.APPROVAL_VERDICT,
        Kind.EXECUTION_ENDED,
        Kind.PRINCIPAL_CHANGED,
        Kind.VALUES_ERASED,
    }
)  # a checkpoint is due

Listener = Callable[[Sequence[Record], Sequence[Guard]], None]


class SqlJournal(Journal):
    """Implements `trust.journal.Journal`.

    `listeners` are told what was appended, and under which guards, after its transaction has committed: an execution may come to
    wait without a record that says so. `holder` names the lease under which this process
    carries executions: once it is set nothing is appended unless that lease stands.
    """

    def __init__(self, database: Database, working: WorkingStore, clock: Clock, signer: Signer) -> None:
        self._database = database
        self._working = working
        self._clock = clock
        self._signer = signer
        self._wrote: tuple[int, str, str] | None = (
            None  # where the journal ended when this process last appended
        )
        self.listeners: list[Listener] = []
        self.holder = ""

    async def append(self, entries: Sequence[Entry], guards: Sequence[Guard] = ()) -> list[Record]:
        synced = not entries or any(entry.kind not in BEGINNINGS for entry in entries)
        records = await self._database.write(
            lambda connection: self._append(connection, entries, guards), synced=synced, shares=True
        )
        for listen in self.listeners:
            listen(records, guards)
        return records

    async def last(self, execution: str, subject: str, kinds: Sequence[Kind]) -> Record | None:
        of_kinds = {f"kind{place}": str(kind) for place, kind in enumerate(kinds)}
        sought = {"execution": execution, "subject": subject, **of_kinds}
        row = await self._database.find(_last_of(len(of_kinds)), sought)
        return None if row is None else unseal(row.data, row.hash)

    async def read(
        self,
        *,
        execution: str = "",
        subject: str = "",
        after: int = -1,
        limit: int = 1_000_000,
        kinds: Sequence[Kind] = (),
    ) -> list[Record]:
        of_kinds = {f"kind{place}": str(kind) for place, kind in enumerate(kinds)}
        named = {"execution": execution, "subject": subject}
        sought = {name: value for name, value in named.items() if value}
        statement = _list_of(tuple(sought), len(of_kinds))
        values = {"after": after, "most": limit, **sought, **of_kinds}
        few = execution and kinds  # by an index; everything else may be long, and is read on a thread
        read = self._database.look if few else self._database.read
        rows = await read(lambda connection: statement.rows(connection, values))
        return [_read_row(row) for row in rows]

    async def get(self, record_id: str) -> Record:
        row = await self._database.find(BY_ID, {"record": record_id})
        if row is None:
            raise InputError(f"the journal has no record {record_id!r}", hint="see bridle audit")
        return unseal(row.data, row.hash)

    async def reveal(self, record: Record, name: str) -> bytes:
        if name not in record.raw:
            raise InputError(f"record {record.id} keeps no value {name!r}")
        return await self._database.look(
            lambda connection: self._working.get(
                connection,
                execution=record.execution,
                record=record.id,
                name=name,
                digest=record.raw[name],
            )
        )

    async def mentioning(self, text: str, kinds: Sequence[Kind]) -> list[Record]:
        """Return the records of these kinds whose bytes hold `text`; every record of them is looked at."""
        wanted = [str(kind) for kind in kinds]

        def find(connection: Connection) -> Sequence[sa.Row[Any]]:
            holds = sa.text(HOLDS[connection.dialect.name]).bindparams(
                sa.bindparam("sought", text.encode(), sa.LargeBinary)
            )
            query = journal.select().where(journal.c.kind.in_(wanted), holds).order_by(journal.c.seq)
            return connection.execute(query).all()

        return [_read_row(row) for row in await self._database.read(find)]

    async def head(self) -> Head:
        """Return what the row says that the next record follows; raise JournalError when it is none."""
        return await self._database.read(Head.read)

    async def checkpoint(self) -> str:
        """Sign the journal as it stands, store the checkpoint and return its text."""
        return await self._database.write(self._checkpoint)

    async def checkpoints(self) -> list[str]:
        """Return all stored checkpoints, smallest first."""
        query = sa.select(checkpoints.c.text).order_by(checkpoints.c.size)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [row.text for row in rows]

    async def leaves(self, size: int) -> list[bytes]:
        """Return the leaf hashes of the first `size` records, in order."""
        query = sa.select(journal.c.data).where(journal.c.seq < size).order_by(journal.c.seq)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [leaf_hash(row.data) for row in rows]

    def _append(
        self, connection: Connection, entries: Sequence[Entry], guards: Sequence[Guard]
    ) -> list[Record]:
        head = self._read_head(connection)
        if self.holder:
            check_lease(connection, self.holder)
        for guard in guards:
            apply_guard(guard, connection)
        previous, records = head.hash, []
        at = iso(self._clock.now())
        for offset, entry in enumerate(entries):
            record_id = new_id("rec")
            raw = self._working.put(connection, execution=entry.execution, record=record_id, raw=entry.raw)
            record = seal(
                seq=head.size + offset, record_id=record_id, at=at, entry=entry, raw=raw, previous=previous
            )
            previous = record.hash
            records.append(record)
        if records:
            _insert(connection, records)
            self._wrote = head.move(connection, records).place
        if any(entry.kind in SEALED for entry in entries):
            self._checkpoint(connection)
        return records

    def _read_head(self, connection: Connection) -> Head:
        """Return the head, which is that of the last record and of a journal that this process may write."""
        head = Head.read(connection, how=LOCK)
        head.check_last(connection, wrote=self._wrote)
        self._check_signer(connection, head.signer)
        return head

    def _check_signer(self, connection: Connection, signer: str) -> None:
        """The first to append binds the journal to their key; from then on nobody appends who has another."""
        keyid = self._signer.verifier.keyid
        if not signer:
            connection.execute(journal_head.update().values(signer=keyid))
        elif signer != keyid:
            raise LeaseLost(
                f"this journal is signed by key {signer}, and this process has {keyid}",
                hint="start it again if the key was rotated; otherwise restore control-plane.key of this store",
            )

    def _checkpoint(self, connection: Connection) -> str:
        head = self._read_head(connection)
        text = sign_checkpoint(self._signer, ORIGIN, head.size, head.frontier.root())
        known = connection.execute(sa.select(checkpoints.c.text).where(checkpoints.c.size == head.size))
        stored = known.scalar_one_or_none()
        if stored is not None:
            return str(stored)
        connection.execute(checkpoints.insert().values(size=head.size, text=text))
        return text


@cache
def _last_of(count: int) -> Prepared:
    """The statement for the newest record of one of so many kinds."""
    return Prepared(LAST.where(_is_of(count)))


@cache
def _list_of(named: tuple[str, ...], count: int) -> Prepared:
    """The statement for records in order: those that have the named columns, and one of so many kinds, or any."""
    query = journal.select().where(journal.c.seq > sa.bindparam("after"))
    query = query.where(*(journal.c[name] == sa.bindparam(name) for name in named))
    query = query.where(_is_of(count)) if count else query
    return Prepared(query.order_by(journal.c.seq).limit(sa.bindparam("most")))


def _is_of(count: int) -> sa.ColumnElement[bool]:
    return journal.c.kind.in_([sa.bindparam(f"kind{place}") for place in range(count)])


def _read_row(row: sa.Row[Any]) -> Record:
    """Read a record whose columns, by which it is found, say what its bytes say; raise JournalError for any other."""
    record = unseal(row.data, row.hash)
    found = (row.seq, row.id, row.execution, row.subject, row.kind)
    if found != (record.seq, record.id, record.execution, record.subject, str(record.kind)):
        raise JournalError("its columns do not say what its bytes say", where=f"journal record {row.seq}")
    return record


def _insert(connection: Connection, records: Sequence[Record]) -> None:
    try:
        for record in records:  # one by one: a batch costs more for the few there are
            INSERT.change(connection, _row(record))
    except sa.exc.IntegrityError as error:
        keys = ", ".join(sorted({record.subject for record in records}))
        raise GuardError(f"an intent or an outcome of {keys} is there already") from error


def _row(record: Record) -> dict[str, object]:
    return {
        "seq": record.seq,
        "id": record.id,
        "execution": record.execution,
        "subject": record.subject,
        "kind": str(record.kind),
        "hash": record.hash,
        "data": record.data,
    }
