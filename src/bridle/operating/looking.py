"""Looking: asks the target about open work of which nobody knows whether it was done, and settles it by what is said.

Rules
  1. When and what is asked is `gate.looks`; each look is a record. A process that does not know the tool leaves it to another,
     and while the control plane may not ask (it is stopped, or all is killed) nobody is asked and no look is used up.
  2. What the target says settles the item as a person's `done` or `not-done` would, once: a person who was first is right. The
     answer and what follows from it are one transaction; a crash after the look finds it, and asks nobody again.
  3. A case that was parked for it stays parked: to go on there is a person's word.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock
from bridle.core.errors import TrustError
from bridle.gate.gate import Gate
from bridle.gate.leaving import UNKNOWN
from bridle.gate.looks import PACE, PERMISSION, Said, can_look, due_look
from bridle.gate.manifest import Manifests
from bridle.operating.work import STREAM, WorkDesk
from bridle.trust.journal import Entry, GuardError, Journal, Kind, Record
from bridle.trust.kills import Killed
from bridle.trust.lending import lend
from bridle.trust.principals import Principals
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.tokens import mint
from bridle.trust.work_items import Settlement, Work, WorkItem

LOOK_TTL = timedelta(minutes=2)
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Looking:
    """Looks after open work of which its target may tell."""

    gate: Gate
    journal: Journal
    principals: Principals
    work: Work
    desk: WorkDesk
    manifests: Manifests
    clock: Clock
    refresh: Callable[[], Awaitable[None]]

    async def sweep(self) -> list[str]:
        """Make the looks that are due; return the items that were settled by one."""
        now = self.clock.now()
        due = [item for item in await self.work.find() if due_look(item.at, now)]
        return [item.id for item in due if await self._settle(item)]

    async def _settle(self, item: WorkItem) -> bool:
        kinds = (Kind.WORK_PARKED, Kind.WORK_LOOKED)
        about = await self.journal.read(execution=item.stream, subject=item.id, kinds=kinds)
        if not about or about[0].body["kind"] != UNKNOWN:
            return False
        newest = await self._look(item, about) or about[-1]
        if newest.kind is Kind.WORK_PARKED or newest.body["answer"] == Said.NOTHING:
            return False
        try:
            await self.desk.settle_by_look(item.id, Settlement(str(newest.body["answer"])), look=newest)
        except GuardError:
            return False  # somebody has settled it meanwhile
        log.info("%s is settled as %s: its target says so", item.id, newest.body["answer"])
        return True

    async def _look(self, item: WorkItem, about: list[Record]) -> Record | None:
        """Make the look that is due, if one is, and return its record."""
        due, newest = due_look(item.at, self.clock.now()), about[-1].body
        if about[-1].kind is Kind.WORK_LOOKED and (
            newest["answer"] != Said.NOTHING or int(str(newest["number"])) >= due
        ):
            return None
        decided, intent = [
            await self.journal.last(item.stream, item.key, (kind,)) for kind in (Kind.DECIDED, Kind.INTENDED)
        ]
        if decided is None or intent is None or not can_look(intent):
            return None
        await self.refresh()
        if self.manifests.get(str(as_mapping(decided.body["request"])["tool"])) is None:
            return None
        control_plane = await self.principals.get(CONTROL_PLANE)
        if control_plane is None:
            return None
        key = f"{STREAM}/{item.id}#look-{due}"
        try:
            minted = mint(
                actor=control_plane,
                initiator=control_plane,
                asked_for=frozenset({PERMISSION}),
                execution=STREAM,
                step=key,
                expires_at=self.clock.now() + LOOK_TTL,
            )
            async with lend(self.journal, minted) as token:
                look = await self.gate.look_again(decided, intent, token=token)
        except (Killed, TrustError) as error:
            log.warning("the target of %s is not asked: %s", item.id, error.what)
            return None
        body: dict[str, Json] = {
            "item": item.id,
            "action": decided.body["action"],
            "key": item.key,
            "number": due,
            "of": len(PACE),
            **look.to_json(),
        }
        (record,) = await self.journal.append([Entry(Kind.WORK_LOOKED, item.stream, item.id, body)])
        return record
