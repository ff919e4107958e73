"""The desk for items of work: what waits for a person because nobody can tell what became of it, and the person's answer.

    done, not-done   what the person found out at the target. Done stays done; what was not done may be tried again
    retry            the very same call may be sent once more, by whoever calls next; offered where the target knows it
    compensate       what the tool's owner says undoes it is done, as an action of this person through the gate, which may ask

Rules
  1. A person who holds `work:settle` answers, never an agent, and only with what the item offers.
  2. The answer and what follows from it (the piece of business, the room of limits) are one transaction; the second answer finds
     the item settled.
  3. Its target settles an item too, when it says, asked again, what became of the call (operating.looking).
  4. A compensation that has not succeeded settles nothing: its key is the item's, so the same answer given again goes on with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bridle.core.boundary import Boundary
from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock, iso
from bridle.core.errors import ExecutionError, InputError, TrustError
from bridle.dispatch.protocol import Request
from bridle.gate.action import Action, Asked, Denied, Done, Purpose
from bridle.gate.attempts import AllowAgain, EndAttempt
from bridle.gate.gate import Gate
from bridle.gate.leaving import UNKNOWN
from bridle.gate.limits import GiveRoomBack
from bridle.gate.looks import can_look, next_look
from bridle.gate.manifest import Manifests
from bridle.gate.obligations import DropObligation
from bridle.pipeline.expressions import resolve
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind, Record
from bridle.trust.lending import lend
from bridle.trust.notary import Author, Notary, Speaker, require_person
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.tokens import mint
from bridle.trust.work_items import FORM, PERMISSION, Settlement, SettleWork, Work, WorkItem

STREAM = "work"
UNDO_TTL = timedelta(minutes=15)


@dataclass(frozen=True)
class Parked:
    """An item with its record, the record of the answer where there is one, and those of what its target was asked meanwhile."""

    item: WorkItem
    parked: Record
    settled: Record | None = None
    looks: tuple[Record, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the item as commands show it."""
        body = self.parked.body
        told: dict[str, Json] = {
            "id": self.item.id,
            "state": "open" if self.item.open else "settled",
            "at": iso(self.item.at),
            "stream": self.item.stream,
            **{name: body[name] for name in ("kind", "tool", "key", "reason", "owner", "case", "offers")},
        }
        told["looks"] = [
            {
                "id": look.id,
                "at": look.at,
                **{name: look.body[name] for name in ("number", "of", "answer", "why")},
            }
            for look in self.looks
        ]
        if self.settled is not None:
            said = self.settled.body
            told["settled"] = {name: said[name] for name in ("answer", "by", "name", "comment")}
        return told


@dataclass(kw_only=True)
class WorkDesk:
    """Lists items and takes answers."""

    journal: Journal
    work: Work
    notary: Notary

    async def find(self, *, settled: bool = False) -> list[Parked]:
        """Return what is open, or everything."""
        return [await self._read(item) for item in await self.work.find(settled=settled)]

    async def show(self, item_id: str) -> Parked:
        """Return one item; raise InputError when there is none of that id."""
        item = await self.work.get(item_id)
        if item is None:
            raise InputError(
                f"there is no item of work {item_id!r}", hint="bridle work list", reason="no-work"
            )
        return await self._read(item)

    async def records_of(self, parked: Parked) -> list[Record]:
        """Return what is known of its action: decision, intent, outcome."""
        kinds = (Kind.DECIDED, Kind.INTENDED, Kind.OUTCOME)
        return await self.journal.read(execution=parked.item.stream, subject=parked.item.key, kinds=kinds)

    async def next_look(self, parked: Parked) -> Json:
        """Return when the target of an open item is asked next, or None when it is not."""
        intent = await self.journal.last(parked.item.stream, parked.item.key, (Kind.INTENDED,))
        asked = parked.parked.body["kind"] == UNKNOWN and intent is not None and can_look(intent)
        if not asked or not parked.item.open:
            return None
        made = int(str(parked.looks[-1].body["number"])) if parked.looks else 0
        at = next_look(parked.item.at, made)
        return iso(at) if at else None

    async def settle(self, item_id: str, answer: Settlement, *, by: Author, record: str = "") -> Parked:
        """Record an answer and what follows from it; raise InputError or TrustError. `record` is the outcome of what undid it."""
        parked, speaker = await self.may_settle(item_id, answer, by=by)
        body: dict[str, Json] = {
            "item": item_id,
            "action": parked.parked.body["action"],
            "answer": str(answer),
            "comment": by.comment,
            "record": record,
            **speaker.to_json(),
        }
        signed = self.notary.sign(FORM, body, speaker.person)
        entry = Entry(Kind.WORK_SETTLED, parked.item.stream, item_id, signed)
        try:
            await self.journal.append([entry], [SettleWork(item_id), *_follows(answer, parked.item.key)])
        except GuardError as error:
            raise _settled(item_id) from error
        return await self.show(item_id)

    async def settle_by_look(self, item_id: str, answer: Settlement, *, look: Record) -> None:
        """Record what the target said, and what follows from it; raise GuardError when somebody has settled the item."""
        body: dict[str, Json] = {
            "item": item_id,
            "action": look.body["action"],
            "answer": str(answer),
            "comment": "its target says so",
            "record": look.id,
            "by": CONTROL_PLANE,
            "name": "",
            "asserted": False,
            "person": None,
        }
        entry = Entry(Kind.WORK_SETTLED, look.execution, item_id, self.notary.sign(FORM, body, None))
        await self.journal.append([entry], [SettleWork(item_id), *_follows(answer, str(look.body["key"]))])

    async def may_settle(self, item_id: str, answer: Settlement, *, by: Author) -> tuple[Parked, Speaker]:
        """Return the item and who answers; raise InputError or TrustError when this answer cannot be given, or not by them."""
        speaker = await self.notary.hear(by, PERMISSION)
        require_person(speaker.principal)
        parked = await self.show(item_id)
        if not parked.item.open:
            raise _settled(item_id)
        offers = parked.parked.body["offers"]
        assert isinstance(offers, Sequence)
        if str(answer) not in offers:
            raise InputError(
                f"{answer} is not offered for {item_id}",
                where=str(parked.parked.body["tool"]),
                hint=f"answer one of {', '.join(map(str, offers))}",
                reason="not-offered",
            )
        return parked, speaker

    async def _read(self, item: WorkItem) -> Parked:
        kinds = (Kind.WORK_PARKED, Kind.WORK_LOOKED, Kind.WORK_SETTLED)
        about = await self.journal.read(execution=item.stream, subject=item.id, kinds=kinds)
        settled = about[-1] if about[-1].kind is Kind.WORK_SETTLED else None
        looks = tuple(record for record in about if record.kind is Kind.WORK_LOOKED)
        return Parked(item, about[0], settled, looks)


@dataclass(kw_only=True)
class Undoing:
    """Undoes what an item is about, as its tool's owner says."""

    desk: WorkDesk
    gate: Gate
    journal: Journal
    manifests: Manifests
    clock: Clock

    async def undo(self, item_id: str, *, by: Author) -> Parked | Asked:
        """Do what undoes it and settle the item; Asked when a person has to approve that first, and nothing is done.

        Raise TrustError when it is denied, InputError when what it takes is not known, ExecutionError when it was not done.
        """
        parked, speaker = await self.desk.may_settle(item_id, Settlement.COMPENSATE, by=by)
        tool, arguments = await self._compensation(parked)
        key = f"{STREAM}/{item_id}#undo"
        minted = mint(
            actor=speaker.principal,
            initiator=speaker.principal,
            asked_for=frozenset({f"mcp:{tool.removeprefix('mcp.')}"}),
            execution=STREAM,
            step=key,
            expires_at=self.clock.now() + UNDO_TTL,
        )
        request = Request(key, tool, arguments, speaker.principal.id, str(Purpose.OPERATIONS))
        async with lend(self.journal, minted) as secret:
            result = await self.gate.perform(Action(request, STREAM, key, Boundary(), token=secret))
        if isinstance(result, Asked):
            return result
        if isinstance(result, Denied):
            raise TrustError(f"{tool} is denied: {result.reason}", reason=result.rule)
        if not isinstance(result, Done) or result.status != "succeeded":
            raise ExecutionError(f"{tool} did not undo it", where=result.record, reason="not-undone")
        return await self.desk.settle(item_id, Settlement.COMPENSATE, by=by, record=result.record)

    async def _compensation(self, parked: Parked) -> tuple[str, Mapping[str, Json]]:
        manifest = self.manifests.get(str(parked.parked.body["tool"]))
        if manifest is None or manifest.compensation is None:
            raise InputError("nobody says any more what undoes it", hint="settle it as done or not-done")
        known = {record.kind: record for record in await self.desk.records_of(parked)}
        decided, outcome = known[Kind.DECIDED], known[Kind.OUTCOME]
        request: Any = decided.body["request"]
        if "request" in decided.raw:
            request = json.loads(await self.journal.reveal(decided, "request"))
        context: dict[str, Json] = {
            "inputs": {
                "arguments": as_mapping(request)["arguments"],
                "value": outcome.body["value"],
                "key": parked.item.key,
            }
        }
        rendered = resolve(dict(manifest.compensation.arguments), context)
        if rendered.unresolved:
            raise InputError(
                f"what undoes it needs {', '.join(rendered.unresolved)}, which nobody knows",
                hint="find out at the target, and settle it as done or not-done",
                reason="not-known",
            )
        return manifest.compensation.tool, as_mapping(rendered.value)


def _follows(answer: Settlement, key: str) -> list[Guard]:
    """Return what changes with an answer: where the piece of business stands, and the room it took of the limits."""
    if answer is Settlement.DONE:
        return [EndAttempt(key, "succeeded")]
    if answer is Settlement.RETRY:
        return [AllowAgain(key)]
    free: list[Guard] = [EndAttempt(key, "failed"), DropObligation(key)]
    return [*free, GiveRoomBack(key)] if answer is Settlement.NOT_DONE else free


def _settled(item_id: str) -> InputError:
    return InputError(f"{item_id} was settled already", hint=f"bridle work show {item_id}", reason="not-open")
