"""Parks items of work: implements `gate.parking`, whose docstring says how it is used."""

from __future__ import annotations

from collections.abc import Mapping

from bridle.core.canonical import Json, digest
from bridle.core.errors import ExecutionError
from bridle.gate.action import Denied, Done, Result
from bridle.gate.parking import Parked, Parking
from bridle.operating.cases.book import CaseBook
from bridle.operating.cases.case import PARKED, PREFIX, Case, Cases
from bridle.operating.cases.desk import CaseDesk
from bridle.trust.journal import GuardError

TYPE = "parked-work"
LONGEST_REASON = 2000
LONGEST_ABOUT = 500
LONGEST_OBJECT = 200


class CaseParking(Parking):
    """Implements `gate.parking.Parking` on cases."""

    def __init__(self, desk: CaseDesk, book: CaseBook, cases: Cases) -> None:
        self._desk = desk
        self._book = book
        self._cases = cases

    async def park(self, item: Parked) -> str:
        named = await self._book.get(item.case) if item.case else None
        case = named[0] if named is not None and not named[0].final else await self._item(item)
        about = self._book.redact(item.about)[:LONGEST_ABOUT]
        if any(mark.kind == PARKED and mark.about == about for mark in case.exceptions):
            return case.id
        reason = " ".join(item.reason.split())[:LONGEST_REASON] or "nobody said why"
        arguments = {"case": case.id, "kind": PARKED, "reason": reason, "about": about}
        once = f"park-{digest([about, case.revision])[7:23]}"
        result = await self._act("case.exception", arguments, once=once)
        if isinstance(result, Done):
            return case.id
        again = await self._book.get(case.id)  # another process was first, and what it said stands
        if again is not None and any(mark.about == about for mark in again[0].exceptions):
            return case.id
        raise _not_recorded(item, result)

    async def _item(self, item: Parked) -> Case:
        """Return the open item of work that is about this, made now if there is none."""
        plain = len(item.about) <= LONGEST_OBJECT and self._book.redact(item.about) == item.about
        named = item.about if plain else digest(item.about)
        found = await self._cases.find(type=TYPE, object=named)
        if not found:
            settled = len(await self._cases.find(type=TYPE, object=named, open_only=False))
            case_id = PREFIX + digest([named, settled])[7:33]  # the same in every process that tries
            arguments = {"case": case_id, "type": TYPE, "object": named}
            result = await self._act("case.open", arguments, once="park-open")
            found = await self._cases.find(
                type=TYPE, object=named
            )  # ours, or that of a process that was first
            if not found:
                raise _not_recorded(item, result)
        read = await self._book.get(found[0])
        assert read is not None
        return read[0]

    async def _act(self, tool: str, arguments: Mapping[str, Json], *, once: str) -> Result | None:
        """Perform it; None when another process does the same at this very moment, and what it does stands."""
        try:
            return await self._desk.act(tool, arguments, once=once)
        except GuardError:
            return None


def _not_recorded(item: Parked, result: object) -> ExecutionError:
    why = result.reason if isinstance(result, Denied) else "it was not done"
    return ExecutionError(f"{item.about} could not be parked: {why}", reason="not-parked")
