"""Reading the bodies of records that may be anybody's: what is missing or misshapen is named with its record."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json
from bridle.trust.journal import JournalError, Record
from bridle.trust.keys import Signature

OBJECT = (dict, Mapping)  # a dict is told at once: a journal has millions


def read_part(record: Record, *path: str) -> Mapping[str, Json]:
    """Return an object in a record's body; raise JournalError when there is none."""
    value: Json = record.body
    for name in path:
        value = value.get(name) if isinstance(value, OBJECT) else None
    if not isinstance(value, OBJECT):
        raise broken(record, f"it has no object {'.'.join(path)}")
    return value


def read_text(record: Record, *path: str) -> str:
    """Return a text in a record's body; raise JournalError when there is none."""
    value = read_part(record, *path[:-1]).get(path[-1])
    if not isinstance(value, str):
        raise broken(record, f"it has no text {'.'.join(path)}")
    return value


def read_signature(record: Record, name: str) -> Signature:
    """Return the signature beside the signed content of `name`; raise JournalError when there is none."""
    return Signature(
        read_text(record, name, "signature", "keyid"), read_text(record, name, "signature", "sig")
    )


def must(record: Record, holds: bool, otherwise: str) -> None:
    """Raise JournalError that says what is wrong with a record unless something holds."""
    if not holds:
        raise broken(record, otherwise)


def broken(record: Record, what: str) -> JournalError:
    """Return the error that names a record and what is wrong with it."""
    return JournalError(what, where=f"journal record {record.seq} ({record.kind}, {record.id})")
