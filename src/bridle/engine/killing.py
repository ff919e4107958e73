"""What a process does about kills: end what runs here of what is concerned, wake what waits, and say how much is left.

A look takes one query while nothing is killed. What this process cannot end, because it was sent already, it counts and tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import ExecutionError
from bridle.dispatch.protocol import Delegate
from bridle.trust.journal import Entry, Guard, Journal, Kind
from bridle.trust.kills import STREAM, AnswerKill, Kill, Kills


@dataclass(kw_only=True)
class Killing:
    """Looks at kills, for the process of this name."""

    kills: Kills
    journal: Journal
    delegate: Delegate
    wake: Callable[[str], Awaitable[None]]
    clock: Clock
    process: str
    _told: dict[str, int] = field(default_factory=dict, init=False)

    async def look(self) -> None:
        """Answer each kill that stands and has not been answered to its end."""
        for kill in await self.kills.unanswered(self.process):
            for name in kill.concerned:
                await self.delegate.cancel(name)
            left = sum([await self.delegate.running(name) for name in kill.concerned])
            if self._told.get(kill.id) != left:
                await self._answer(kill, left)

    async def _answer(self, kill: Kill, left: int) -> None:
        first = kill.id not in self._told
        guards: list[Guard] = [AnswerKill(kill.id, self.process, left, self.clock.now())]
        body: dict[str, Json] = {"process": self.process, "left": left}
        await self.journal.append([Entry(Kind.KILL_ANSWERED, STREAM, kill.id, body)], guards)
        self._told[kill.id] = left
        if first:
            await self._wake_all(kill)

    async def _wake_all(self, kill: Kill) -> None:
        """Have what waits find that it is to be cancelled."""
        for name in kill.concerned:
            try:
                await self.wake(name)
            except ExecutionError as error:
                if error.reason != "no-workflow":  # nobody has begun to carry it, or it is a session
                    raise
