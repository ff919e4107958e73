"""In whose place a person answers a request: finds the naming that lets them, for what was asked and now (trust.deputies)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.gate.approvals import Approval
from bridle.trust.deputies import KINDS, STREAM, describe_asked, list_active, name_starter
from bridle.trust.journal import Journal, Kind
from bridle.trust.keys import KeyRing
from bridle.trust.people import People, Person
from bridle.trust.quorum import Behalf


@dataclass(frozen=True)
class StandsIn:
    """Whom a word is given for, and what its record says of that."""

    behalf: Behalf
    naming: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        person = self.behalf.person.to_json()
        return {"person": person, "naming": self.naming, "starter": self.behalf.starter}


async def find_naming(
    approval: Approval,
    *,
    deputy: Person | None,
    principal: str,
    journal: Journal,
    people: People,
    keys: KeyRing,
    now: datetime,
) -> StandsIn:
    """Return what lets `deputy` answer in the place of the person called `principal`; raise TrustError when nothing does."""
    person = people.find(principal)
    if deputy is None or person is None:
        raise TrustError(
            "only a person with a key answers in the place of another who has one",
            hint="give --as NAME; bridle people list shows who has a key",
            reason="own-key-wanted",
        )
    decided = await journal.last(approval.execution, approval.key, (Kind.DECIDED,))
    asked = describe_asked(decided.body) if decided is not None else {}
    records = await journal.read(execution=STREAM, kinds=KINDS)
    for named, record in list_active(records, now=now, keys=keys):
        of_both = (named.person.name, named.deputy) == (person.name, deputy.name)
        if of_both and named.covers(asked):
            return StandsIn(Behalf(person, named, name_starter(asked)), record.body)
    raise TrustError(
        f"{person.name} has not named {deputy.name} for this",
        where=approval.id,
        hint=f"bridle approvals delegate --as {person.name} --to {deputy.name} --for 'tool={approval.tool}'",
        reason="no-deputy",
    )
