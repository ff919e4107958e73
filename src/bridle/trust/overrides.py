"""Emergency overrides: for a while, what the policy would ask a person is allowed in a scope. What it denies stays denied.

Rules
  1. Only a person who is active and holds `policy:override` opens one, with a reason, for at most LONGEST, and closes one.
  2. Each is a record, signed by the control plane and by the person's own key where they have one; only what verifies counts.
  3. It turns a question into an allowance, and never a denial: boundaries, denials and what no rule allows stand (gate.decision).
     Whether a pipeline goes on is its author's question to people, and is not overridden.
  4. It counts from the next decision until its end, or until it is closed; every decision resting on it names it, and the audit
     looks for its record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import Clock, from_iso, iso
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.trust.access import require
from bridle.trust.bindings import SCOPE, lies_in
from bridle.trust.journal import Entry, Journal, Kind, Record
from bridle.trust.keys import KeyRing, Signature, Signer, Verifier
from bridle.trust.people import People, Person, find_signer
from bridle.trust.principals import Principals
from bridle.trust.registry import Author

PERMISSION = "policy:override"
STREAM = "overrides"
LONGEST = timedelta(hours=4)
KINDS = (Kind.OVERRIDE_OPENED, Kind.OVERRIDE_CLOSED)
SIGNED = ("id", "by", "name", "asserted", "reason", "scope", "begins_at", "ends_at", "person")


@dataclass(frozen=True)
class Override:
    """One override: who opened it, why, where it counts and how long. Moments are as the journal writes them."""

    id: str
    by: str
    name: str
    asserted: bool
    reason: str
    scope: Mapping[str, str]
    begins_at: str
    ends_at: str

    def to_json(self) -> dict[str, Json]:
        return asdict(self)

    def counts_at(self, now: datetime) -> bool:
        return from_iso(self.begins_at) <= now < from_iso(self.ends_at)


class Overrides(Protocol):
    """Finds what counts now."""

    async def active(self, now: datetime) -> list[Override]:
        """Return the overrides that count at this moment, the oldest first."""
        ...


class OverrideDesk(Overrides):
    """Opens, closes and finds overrides. Everything is in the journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        principals: Principals,
        people: People,
        signer: Signer,
        clock: Clock,
        own_keys: bool = False,
    ) -> None:
        self._journal = journal
        self._principals = principals
        self._people = people
        self._signer = signer
        self._clock = clock
        self._own_keys = own_keys

    async def open(self, scope: Mapping[str, str], *, reason: str, lasts: timedelta, by: Author) -> Override:
        """Record an override; raise InputError or TrustError."""
        author = await require(self._principals, by.principal, PERMISSION)
        _check(scope, reason, lasts)
        person = find_signer(self._people, by.name, own_keys=self._own_keys)
        now = self._clock.now()
        opened = Override(
            id=new_id("ovr"),
            by=author.id,
            name=by.name or author.name,
            asserted=person is None and (author.asserted or by.name != ""),
            reason=" ".join(reason.split()),
            scope=dict(scope),
            begins_at=iso(now),
            ends_at=iso(now + lasts),
        )
        body: dict[str, Json] = {**opened.to_json(), "person": person.to_json() if person else None}
        signatures = {"control_plane": self._signer.sign_json(_content(body)).to_json()}
        if person is not None:
            signatures["person"] = self._people.sign(person.name, _content(body)).to_json()
        entry = Entry(Kind.OVERRIDE_OPENED, STREAM, opened.id, {**body, "signatures": signatures})
        await self._journal.append([entry])
        return opened

    async def close(self, override: str, *, by: Author) -> None:
        """Record that an override counts no more; raise InputError when none of that id counts."""
        await require(self._principals, by.principal, PERMISSION)
        if override not in {one.id for one in await self.active(self._clock.now())}:
            raise InputError(
                f"no override {override} counts now", hint="bridle policy overrides", reason="no-override"
            )
        body: dict[str, Json] = {"by": by.principal, "name": by.name, "comment": by.comment}
        await self._journal.append([Entry(Kind.OVERRIDE_CLOSED, STREAM, override, body)])

    async def active(self, now: datetime) -> list[Override]:
        records = await self._journal.read(execution=STREAM, kinds=KINDS)
        return list_active(records, now=now, keys=self._signer.keys)


def list_active(records: Sequence[Record], *, now: datetime, keys: KeyRing) -> list[Override]:
    """Return the overrides among these records that count; one that does not verify counts for nothing."""
    closed = {record.subject for record in records if record.kind is Kind.OVERRIDE_CLOSED}
    found = []
    for record in records:
        if record.kind is not Kind.OVERRIDE_OPENED or record.subject in closed:
            continue
        try:
            override = check_override(record, control_plane=keys.at(record.seq))
        except TrustError:
            continue  # the audit names it
        if override.counts_at(now):
            found.append(override)
    return found


def check_override(record: Record, *, control_plane: Verifier) -> Override:
    """Return the override of a record; raise TrustError unless all who had to have signed it, and it keeps the rules."""
    body: Mapping[str, Any] = record.body
    signatures, person = body.get("signatures"), body.get("person")
    if (
        not isinstance(signatures, Mapping)
        or set(body) != {*SIGNED, "signatures"}
        or body["id"] != record.subject
    ):
        raise TrustError("the override is not signed", reason="bad-signature")
    control_plane.verify_json(_content(body), Signature.from_json(signatures.get("control_plane")))
    if isinstance(person, Mapping):
        Verifier.from_hex(Person.from_json(person).key).verify_json(
            _content(body), Signature.from_json(signatures.get("person"))
        )
    override = Override(**{name: body[name] for name in SIGNED if name != "person"})
    if from_iso(override.ends_at) - from_iso(override.begins_at) > LONGEST:
        raise TrustError("the override lasts too long", reason="bad-override")
    return override


def find_for(overrides: Sequence[Override], facts: Mapping[str, Any]) -> Override | None:
    """Return the first override whose scope the facts lie in for certain."""
    return next((one for one in overrides if lies_in(one.scope, facts, unknown=False)), None)


def _check(scope: Mapping[str, str], reason: str, lasts: timedelta) -> None:
    strange = sorted(set(scope) - set(SCOPE))
    if strange:
        raise InputError(f"a scope has no {', '.join(strange)}", hint=f"its keys are {', '.join(SCOPE)}")
    if not scope:
        raise InputError("an override of everything is none", hint="say where: --scope tool=mcp.mail.*")
    if len(reason.split()) < 2:
        raise InputError(
            "an override needs a reason that others understand", hint="--reason 'why, and who knows of it'"
        )
    if not timedelta(0) < lasts <= LONGEST:
        hours = int(LONGEST.total_seconds() // 3600)
        raise InputError(f"an override lasts at most {hours} h", hint="open another when it is over")


def _content(body: Mapping[str, Any]) -> dict[str, Json]:
    return {"type": "bridle/override/1", **{name: body[name] for name in sorted(SIGNED)}}
