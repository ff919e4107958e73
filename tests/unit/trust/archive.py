"""A journal in memory over the records of a story; it only reads."""

from __future__ import annotations

from collections.abc import Sequence

from bridle.core.errors import InputError
from bridle.trust.journal import Kind, Record
from unit.trust.story import Story


class StoryArchive:
    def __init__(self, story: Story) -> None:
        self._story = story

    async def read(
        self,
        *,
        execution: str = "",
        subject: str = "",
        after: int = -1,
        limit: int = 1_000_000,
        kinds: Sequence[Kind] = (),
    ) -> list[Record]:
        fits = [
            record
            for record in self._story.records
            if record.seq > after
            and execution in ("", record.execution)
            and subject in ("", record.subject)
            and (not kinds or record.kind in kinds)
        ]
        return fits[:limit]

    async def last(self, execution: str, subject: str, kinds: Sequence[Kind]) -> Record | None:
        return next(iter(reversed(await self.read(execution=execution, subject=subject, kinds=kinds))), None)

    async def get(self, record_id: str) -> Record:
        for record in self._story.records:
            if record.id == record_id:
                return record
        raise InputError(f"no record {record_id}")

    async def mentioning(self, text: str, kinds: Sequence[Kind]) -> list[Record]:
        return [record for record in await self.read(kinds=kinds) if text.encode() in record.data]
