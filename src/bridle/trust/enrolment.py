"""Whether the store says of principals and their keys what the journal says of them.

The store's rows are what the gate asks at each action; whoever can write to the store could make a suspended agent active there,
or a revoked key good again, without a record. The audit compares every row with the last record about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bridle.core.canonical import Json
from bridle.trust.credentials import Credential
from bridle.trust.journal import JournalError, Kind, Record
from bridle.trust.principals import Principal

KINDS = (Kind.PRINCIPAL_REGISTERED, Kind.PRINCIPAL_CHANGED)


def check_enrolled(rows: Sequence[Principal], keys: Sequence[Credential], records: Iterable[Record]) -> None:
    """Raise JournalError that names the first principal or key of which store and journal do not say the same."""
    said: dict[str, Principal] = {}
    made: dict[str, Mapping[str, Json]] = {}
    for record in records:
        if record.kind not in KINDS:
            continue
        body = record.body["principal"] if record.kind is Kind.PRINCIPAL_CHANGED else record.body
        assert isinstance(body, Mapping)
        said[record.subject] = Principal.from_json(body)
        key = record.body.get("key")
        if isinstance(key, Mapping):
            made[str(key["id"])] = key
    for row in rows:
        if said.pop(row.id, None) != row:
            raise _differs(row.id)
    for held in keys:
        if _lasting(made.pop(held.id, {})) != _lasting(held.to_json()):
            raise _differs(f"the key {held.id}")
    for lost in (*said, *made):
        raise _differs(lost)


def _lasting(key: Mapping[str, Json]) -> dict[str, Json]:
    """When a key was last used is no record."""
    return {name: value for name, value in key.items() if name != "used_at"}


def _differs(what: str) -> JournalError:
    return JournalError(
        f"the store and the journal do not say the same of {what}",
        where="the store",
        hint="somebody has written into the store: bridle principals show has the records",
        reason="store-changed",
    )
