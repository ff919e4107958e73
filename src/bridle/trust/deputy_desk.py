"""The desk at which people name deputies, and take that back. Everything is in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from bridle.core.clock import Clock, iso
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.trust.access import require
from bridle.trust.bindings import SCOPE
from bridle.trust.deputies import DISMISSAL, FORM, KINDS, LONGEST, STREAM, Deputy, list_active
from bridle.trust.journal import Entry, Journal, Kind, Record
from bridle.trust.notary import Author, Notary
from bridle.trust.people import Person
from bridle.trust.registry import MANAGE

PERMISSION = "approval:verdict"


class DeputyDesk:
    """Names and dismisses deputies, and finds those that count."""

    def __init__(self, *, journal: Journal, notary: Notary, clock: Clock) -> None:
        self._journal = journal
        self._notary = notary
        self._clock = clock

    async def name(
        self, deputy: str, scope: Mapping[str, str], *, lasts: timedelta, reason: str, by: Author
    ) -> Deputy:
        """Record that somebody answers in the author's place; raise InputError or TrustError."""
        await require(self._notary.principals, by.principal, PERMISSION)
        person, other = self._find(by.name), self._find(deputy)
        _check(person, other, scope, lasts, reason)
        now = self._clock.now()
        named = Deputy(
            id=new_id("dep"),
            person=person,
            deputy=other.name,
            deputy_key=other.key,
            scope=dict(scope),
            reason=" ".join(reason.split()),
            begins_at=iso(now),
            ends_at=iso(now + lasts),
        )
        body = self._notary.sign(FORM, named.to_json(), person)
        await self._journal.append([Entry(Kind.DEPUTY_NAMED, STREAM, named.id, body)])
        return named

    async def dismiss(self, deputy_id: str, *, by: Author) -> None:
        """Record that a deputy answers no more: the word of whoever named them, signed with their key, or of one who manages
        principals. Raise InputError when no naming of that id counts, TrustError for anybody else."""
        speaker = await self._notary.hear(by, PERMISSION)
        active = {deputy.id: deputy for deputy, _ in await self.active(self._clock.now())}
        if deputy_id not in active:
            raise InputError(
                f"no delegation {deputy_id!r} counts now", hint="bridle approvals", reason="no-deputy"
            )
        named_by = active[deputy_id].person
        if speaker.person is None or speaker.person.name != named_by.name:
            await self._require_manager(by, named_by)
        body = self._notary.sign(DISMISSAL, {"id": deputy_id, **speaker.to_json()}, speaker.person)
        await self._journal.append([Entry(Kind.DEPUTY_DISMISSED, STREAM, deputy_id, body)])

    async def _require_manager(self, by: Author, named_by: Person) -> None:
        try:
            await require(self._notary.principals, by.principal, MANAGE)
        except TrustError as error:
            raise TrustError(
                f"{named_by.name} named this deputy, and takes it back",
                hint=f"say who you are: --as {named_by.name}; or let one do it who holds {MANAGE}",
                reason="not-yours",
            ) from error

    async def active(self, now: datetime) -> list[tuple[Deputy, Record]]:
        """Return the namings that count at this moment, the oldest first, with their records."""
        records = await self._journal.read(execution=STREAM, kinds=KINDS)
        return list_active(records, now=now, keys=self._notary.keys)

    def _find(self, name: str) -> Person:
        person = self._notary.people.find(name) if name else None
        if person is None:
            raise TrustError(
                f"{name or 'nobody'} has no key here, and a delegation is from one person with a key to another",
                hint=f"bridle people add {name or 'NAME'}; --as says who you are",
                reason="own-key-wanted",
            )
        return person


def _check(person: Person, other: Person, scope: Mapping[str, str], lasts: timedelta, reason: str) -> None:
    strange = sorted(set(scope) - set(SCOPE))
    if strange or not scope:
        what = f"a scope has no {', '.join(strange)}" if strange else "a delegation has a scope"
        raise InputError(what, hint=f"--for KEY=PATTERN; the keys are {', '.join(SCOPE)}", reason="bad-scope")
    if other.key == person.key:
        raise InputError("nobody stands for themselves", hint="name another person", reason="bad-deputy")
    if not timedelta(0) < lasts <= LONGEST:
        raise InputError(
            f"a delegation lasts at most {LONGEST.days} days", hint="--until 7d", reason="bad-expiry"
        )
    if not reason.strip():
        raise InputError("a delegation has a reason", hint="--reason 'on holiday'", reason="no-reason")
