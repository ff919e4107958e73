"""What works on cases, put together; and the lists of them that people and programs ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.operating.cases.book import CaseBook
from bridle.operating.cases.case import Cases
from bridle.operating.cases.desk import CaseDesk
from bridle.operating.cases.escalating import Escalation
from bridle.operating.cases.parking import CaseParking
from bridle.operating.cases.telling import summarise


@dataclass(frozen=True)
class Casework:
    """What acts on cases, and what finds them."""

    cases: Cases
    book: CaseBook
    desk: CaseDesk
    parking: CaseParking
    escalation: Escalation


@dataclass(frozen=True)
class Wanted:
    """Which cases are asked for: open ones unless `ended`, all of them unless something narrows them."""

    type: str = ""
    object: str = ""
    due: bool = False
    parked: bool = False
    ended: bool = False


async def list_cases(cases: Cases, book: CaseBook, wanted: Wanted, *, now: datetime) -> list[dict[str, Json]]:
    """Return what each of these cases says of itself; those that are due the longest first, others the oldest.

    Raise TrustError for one that the store lists and the journal does not know.
    """
    found = await cases.find(
        type=wanted.type, object=wanted.object, parked=wanted.parked, open_only=not wanted.ended
    )
    if wanted.due:
        meant = set(found)
        found = [case for case in await cases.due(now) if case in meant]
    told = []
    for case in found:
        read = await book.get(case)
        if read is None:
            raise TrustError(
                f"the store lists {case}, and its records do not say what it is", hint="bridle audit verify"
            )
        told.append(summarise(read[0], now))
    return told
