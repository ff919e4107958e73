"""Approvals by risk, so that people go on reading them: what interrupts, what is gathered, what only is listed.

Rules
  1. The owner of a tool says its risk; without an entry it is high.
  2. High interrupts: its request is told at once.
  3. Medium is gathered: its requests are told together, when the digest is due. Each has a verdict of its own, which binds its
     content as any verdict does, and may be answered before.
  4. Low runs without a person, whoever vouches for its values, unless something else asks; what ran so is listed in the digest.
  5. A digest is due at fixed times, counted from the epoch: a restart neither loses one nor adds one.

Reads what others recorded; decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridle.core.canonical import Json, as_mapping
from bridle.core.clock import Clock, from_iso, iso
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.gate.manifest import Risk
from bridle.operating.session import Sessions
from bridle.trust.journal import Journal, Kind, Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VOUCHED = frozenset({"request", "input", "register", "record", "manifest"})


@dataclass(frozen=True)
class Ran:
    """A call of low risk that ran although nobody vouched for all of its values."""

    at: str
    session: str
    tool: str
    arguments: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        return {"at": self.at, "session": self.session, "tool": self.tool, "arguments": self.arguments}


@dataclass(frozen=True)
class Digest:
    """What was gathered: requests of medium risk that wait, and what ran since `since`."""

    since: datetime
    waiting: tuple[Approval, ...]
    ran: tuple[Ran, ...]


@dataclass(kw_only=True)
class Digests:
    """Gathers digests. `every` is how far they are apart."""

    journal: Journal
    approvals: Approvals
    sessions: Sessions
    clock: Clock
    every: timedelta

    async def gather(self) -> Digest:
        """Return what the digest that was due last, or is due now, would say now."""
        now = self.clock.now()
        since = last_due(now, self.every) - self.every
        stored = await self.approvals.find(states=(ApprovalState.OPEN,))
        still_open = (item for item in stored if item.state_at(now) is ApprovalState.OPEN)
        waiting = tuple(item for item in still_open if risk_of(item) is Risk.MEDIUM)
        return Digest(since, waiting, tuple(await self._list_ran(since)))

    async def watch(
        self, tell: Callable[[Digest], None], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Tell each digest when it is due, for ever."""
        while True:
            now = self.clock.now()
            await sleep((last_due(now, self.every) + self.every - now).total_seconds())
            tell(await self.gather())

    async def _list_ran(self, since: datetime) -> list[Ran]:
        found = []
        for session in await self.sessions.find():
            if session.expires_at < since:
                continue
            records = await self.journal.read(execution=session.id, kinds=(Kind.DECIDED,))
            found += [
                _read(record) for record in records if _ran_unvouched(record) and from_iso(record.at) >= since
            ]
        return found


def risk_of(approval: Approval) -> Risk:
    """Return the risk of what is asked for; high where nobody has said another."""
    said = approval.shown.get("risk")
    return Risk(said) if said in list(Risk) else Risk.HIGH


def last_due(now: datetime, every: timedelta) -> datetime:
    """Return when a digest was due last."""
    return now - (now - EPOCH) % every


def describe_digest(digest: Digest, *, show: Callable[[Approval], Mapping[str, Any]]) -> dict[str, Any]:
    """Return a digest as plain data."""
    return {
        "since": iso(digest.since),
        "waiting": [show(item) for item in digest.waiting],
        "ran": [item.to_json() for item in digest.ran],
    }


def _ran_unvouched(record: Record) -> bool:
    facts = as_mapping(record.body["facts"])
    origins = facts.get("origins")
    lasts = (
        facts.get("loop") is not None
    )  # what was done to its target is counted for what changes the world, and for that alone
    if record.body["effect"] != "allow" or facts.get("risk") != Risk.LOW or not lasts:
        return False
    if not isinstance(origins, Sequence):
        return False
    return any(as_mapping(origin).get("kind") not in VOUCHED for origin in origins)


def _read(record: Record) -> Ran:
    request = as_mapping(record.body["request"])
    return Ran(record.at, record.execution, str(request.get("tool")), as_mapping(request.get("arguments")))
