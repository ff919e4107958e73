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
from bridle.trust.keys import KeyRing, Verifier
from bridle.trust.notary import Author, Form, Notary

PERMISSION = "policy:override"
STREAM = "overrides"
LONGEST = timedelta(hours=4)
KINDS = (Kind.OVERRIDE_OPENED, Kind.OVERRIDE_CLOSED)
FIELDS = ("id", "by", "name", "asserted", "reason", "scope", "begins_at", "ends_at")
FORM = Form("bridle/override/1", "the override", frozenset({*FIELDS, "person"}))


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

    def __init__(self, *, journal: Journal, notary: Notary, clock: Clock) -> None:
        self._journal = journal
        self._notary = notary
        self._clock = clock

    async def open(self, scope: Mapping[str, str], *, reason: str, lasts: timedelta, by: Author) -> Override:
        """Record an override; raise InputError or TrustError."""
        speaker = await self._notary.hear(by, PERMISSION)
        _check(scope, reason, lasts)
        now = self._clock.now()
        opened = Override(
            id=new_id("ovr"),
            by=speaker.principal.id,
            name=speaker.name,
            asserted=speaker.asserted,
            reason=" ".join(reason.split()),
            scope=dict(scope),
            begins_at=iso(now),
            ends_at=iso(now + lasts),
        )
        body = self._notary.sign(FORM, {**opened.to_json(), **speaker.to_json()}, speaker.person)
        await self._journal.append([Entry(Kind.OVERRIDE_OPENED, STREAM, opened.id, body)])
        return opened

    async def close(self, override: str, *, by: Author) -> None:
        """Record that an override counts no more; raise InputError when none of that id counts."""
        await require(self._notary.principals, by.principal, PERMISSION)
        if override not in {one.id for one in await self.active(self._clock.now())}:
            raise InputError(
                f"no override {override} counts now", hint="bridle policy overrides", reason="no-override"
            )
        body: dict[str, Json] = {"by": by.principal, "name": by.name, "comment": by.comment}
        await self._journal.append([Entry(Kind.OVERRIDE_CLOSED, STREAM, override, body)])

    async def active(self, now: datetime) -> list[Override]:
        records = await self._journal.read(execution=STREAM, kinds=KINDS)
        return list_active(records, now=now, keys=self._notary.keys)


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
    FORM.check(body, control_plane=control_plane)
    override = Override(**{name: body[name] for name in FIELDS})
    if override.id != record.subject:
        raise TrustError("it is another override", reason="bad-signature")
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
            "the reason for an override is too short: others have to understand it, so it has two words at least",
            hint="--reason 'why, and who knows of it'",
        )
    if not timedelta(0) < lasts <= LONGEST:
        hours = int(LONGEST.total_seconds() // 3600)
        raise InputError(f"an override lasts at most {hours} h", hint="open another when it is over")
