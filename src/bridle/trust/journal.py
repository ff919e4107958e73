"""The journal: append-only, hash-chained, the one truth about what was decided and what happened.

Rules
  1. A record's bytes are canonical JSON, made once and stored verbatim; its hash is sha256 of those bytes.
  2. `previous` in the bytes is the hash of the record before it: the order cannot be changed unnoticed.
  3. The bytes are also a leaf of an RFC 6962 tree; a checkpoint signs its root (trust.log.checkpoint).
  4. The body is redacted before it comes here. Raw values (arguments, results, model turns) go to the
     working store, encrypted with the execution's key; the record keeps their salted digests.
  5. A guard is a change to another table that happens in the record's own transaction and must find
     exactly what it expects. When it does not, nothing is written and GuardError says which guard.

The SQL implementation is `adapters.sql.journal`. This file has no I/O.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from bridle.core.canonical import Json, canonical
from bridle.core.errors import ExecutionError, TrustError

GENESIS = "0" * 64


class Kind(StrEnum):
    """What a record says."""

    PRINCIPAL_REGISTERED = "principal.registered"
    PRINCIPAL_CHANGED = "principal.changed"
    TOKEN_MINTED = "token.minted"  # noqa: S105 - the name of an event
    TOKEN_DELETED = "token.deleted"  # noqa: S105 - the name of an event
    TOKEN_REFUSED = "token.refused"  # noqa: S105 - the name of an event
    EXECUTION_STARTED = "execution.started"
    CANCEL_REQUESTED = "execution.cancel_requested"
    EXECUTION_PAUSED = "execution.paused"
    EXECUTION_RESUMED = "execution.resumed"
    EXECUTION_ENDED = "execution.ended"
    BLOCK_STARTED = "block.started"
    BLOCK_ENDED = "block.ended"
    BRANCH_STOPPED = "branch.stopped"
    STEP_STARTED = "step.started"
    STEP_ENDED = "step.ended"
    DECIDED = "action.decided"
    INTENDED = "action.intended"
    OUTCOME = "action.outcome"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_VERDICT = "approval.verdict"
    DEPUTY_NAMED = "deputy.named"
    DEPUTY_DISMISSED = "deputy.dismissed"
    INTERVENTION_REQUESTED = "intervention.requested"
    INTERVENTION_ANSWERED = "intervention.answered"
    PLAN_PROPOSED = "plan.proposed"
    PLAN_ENDED = "plan.ended"
    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    SESSION_TAKEN = "session.taken"
    CASE_OPENED = "case.opened"
    CASE_CHANGED = "case.changed"
    TOOL_SEEN = "tool.seen"
    TOOL_APPROVED = "tool.approved"
    OVERRIDE_OPENED = "override.opened"
    OVERRIDE_CLOSED = "override.closed"
    BREAKER_OPENED = "breaker.opened"
    BREAKER_CLOSED = "breaker.closed"
    KILL_MADE = "kill.made"
    KILL_ANSWERED = "kill.answered"
    KILL_LIFTED = "kill.lifted"
    WORK_PARKED = "work.parked"
    WORK_LOOKED = "work.looked"
    WORK_SETTLED = "work.settled"
    EVIDENCE_ISSUED = "evidence.issued"
    CONTROLS_ATTESTED = "controls.attested"
    EVIDENCE_ADDED = "evidence.added"
    EVIDENCE_REFUSED = "evidence.refused"
    HISTORY_REMOVED = "history.removed"
    VALUES_ERASED = "values.erased"
    TEXT_KEPT = "text.kept"
    KEY_ROTATED = "key.rotated"
    PUBLICATION_REFUSED = "publication.refused"


@dataclass(frozen=True)
class Entry:
    """What a caller asks to have recorded.

    `subject` is what the record is about: an action key, a step path, an approval's or a token's id.
    `raw` are values for the working store by name; the caller must not repeat them in `body`.
    """

    kind: Kind
    execution: str
    subject: str
    body: Mapping[str, Json]
    raw: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A recorded entry. `data` are the canonical bytes; the other fields are read from them.

    `seq` counts from 0 without gaps and is the leaf's index. `raw` maps names to salted digests.
    """

    seq: int
    id: str
    at: str
    kind: Kind
    execution: str
    subject: str
    body: Mapping[str, Json]
    raw: Mapping[str, str]
    previous: str
    hash: str
    data: bytes


class Guard(Protocol):
    """Marker for a guarded change; each noun declares its own beside its port."""

    @property
    def guards(self) -> str:
        """The form of the name of what is guarded, which the guard fills in, for the error: `approval {0.approval}`."""
        ...


class GuardError(ExecutionError):
    """A guarded change did not find what it expected: somebody else was first, or the state moved on."""

    default_reason = "guard-failed"


class JournalError(TrustError):
    """The journal does not verify: a record was changed, removed, added or moved."""

    default_reason = "journal-broken"


class Journal(Protocol):
    """Appends records and reads them back. All methods raise UnavailableError when the store is out of reach."""

    async def append(self, entries: Sequence[Entry], guards: Sequence[Guard] = ()) -> list[Record]:
        """Write all entries and guards in one transaction; raise GuardError and write nothing."""
        ...

    async def last(self, execution: str, subject: str, kinds: Sequence[Kind]) -> Record | None:
        """Return the newest record of one of `kinds` about `subject`."""
        ...

    async def read(
        self,
        *,
        execution: str = "",
        subject: str = "",
        after: int = -1,
        limit: int = 1_000_000,
        kinds: Sequence[Kind] = (),
    ) -> list[Record]:
        """Return records with seq > `after` in order: of one execution or of all, about one subject or about any, of these
        kinds or of any."""
        ...

    async def get(self, record_id: str) -> Record:
        """Return one record by id; raise InputError when there is none."""
        ...

    async def reveal(self, record: Record, name: str) -> bytes:
        """Return a raw value of `record`; raise TrustError when its key was destroyed or it does not match."""
        ...


def seal(*, seq: int, record_id: str, at: str, entry: Entry, raw: Mapping[str, str], previous: str) -> Record:
    """Make the record of an entry: its canonical bytes and their hash."""
    data = canonical(
        {
            "seq": seq,
            "id": record_id,
            "at": at,
            "kind": str(entry.kind),
            "execution": entry.execution,
            "subject": entry.subject,
            "body": entry.body,
            "raw": dict(raw),
            "previous": previous,
        }
    )
    return Record(
        seq=seq,
        id=record_id,
        at=at,
        kind=entry.kind,
        execution=entry.execution,
        subject=entry.subject,
        body=entry.body,
        raw=raw,
        previous=previous,
        hash=hashlib.sha256(data).hexdigest(),
        data=data,
    )


COMPARE = "compare with a copy that was kept elsewhere (bridle audit export)"


def verify_chain(records: Iterable[Record], *, previous: str = GENESIS, first: int = 0) -> int:
    """Check hashes, links and numbering; return how many records were read, raise JournalError at the first fault."""
    count = 0
    for record in records:
        where = f"journal record {record.seq}"
        if record.seq != first + count:
            raise JournalError(
                f"it stands where record {first + count} has to: records were removed, repeated or moved",
                where=where,
                hint=COMPARE,
            )
        if hashlib.sha256(record.data).hexdigest() != record.hash:
            raise JournalError("its bytes were changed: they do not have its hash", where=where, hint=COMPARE)
        if record.previous != previous:
            raise JournalError(
                "it does not follow the record before it: one of the two was changed or put there",
                where=where,
                hint=COMPARE,
            )
        previous = record.hash
        count += 1
    return count


def unseal(data: bytes, stored_hash: str) -> Record:
    """Read a record back from its stored bytes; raise JournalError when they are not a record's."""
    if not isinstance(data, bytes):
        raise JournalError(
            f"a stored record is not bytes: {data!r:.80}", hint="somebody has written into the store"
        )
    try:
        return read_content(json.loads(data), data=data, stored_hash=stored_hash)
    except ValueError as exc:
        raise JournalError("a stored record cannot be read", hint="bridle audit verify names it") from exc


def read_content(content: Any, *, data: bytes, stored_hash: str) -> Record:
    """Return the record that its parsed bytes say; raise JournalError when they are not a record's."""
    try:
        return Record(
            seq=content["seq"],
            id=content["id"],
            at=content["at"],
            kind=Kind(content["kind"]),
            execution=content["execution"],
            subject=content["subject"],
            body=content["body"],
            raw=content["raw"],
            previous=content["previous"],
            hash=stored_hash,
            data=data,
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise JournalError("a stored record cannot be read", hint="bridle audit verify names it") from exc
