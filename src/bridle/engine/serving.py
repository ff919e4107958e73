"""Serving: a process that begins what nobody stands for, carries it, and takes over what another process left.

Rules
  1. Taking over is the durable engine's: this file begins executions and tells what is done.
  2. What another process admitted and died over is begun again, which changes nothing where it had begun.
  3. A look that fails is told and tried again: a store that does not answer for a while ends no server.
  4. Once its lease is lost it ends, and says so: what it carried is another's, what it would write is refused, and a process
     that lives on without carrying anything only looks like a server.
  5. What happened is learnt from the records and moves that this process writes, never by asking for all that lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bridle.core.errors import UnavailableError
from bridle.core.rounds import Round, kept
from bridle.core.states import State
from bridle.engine.admission import Admission
from bridle.engine.control import Control
from bridle.engine.execution import Execution, MoveExecution
from bridle.trust.journal import Guard, Kind, Record

LOOK_S = 0.25
TAKEN_LOOK_S = 1.0
TURNS_AT_ONCE = 50  # so that telling and stopping are not kept waiting by a long line

Held: TypeAlias = Callable[[], Awaitable[set[str]]]


@dataclass(frozen=True)
class News:
    """What became of an execution here: `taken` (begun, or taken over), `waiting` or `ended`."""

    what: str
    execution: Execution


Tell: TypeAlias = Callable[[News], None]


class Server:
    """Begins executions until it is told to stop, and tells what happens to those that this process carries."""

    def __init__(self, control: Control, admission: Admission, *, held: Held, tell: Tell) -> None:
        self._control = control
        self._admission = admission
        self._held = held
        self._tell = tell
        self._told: dict[str, str] = {}
        self._changed: asyncio.Queue[str] = asyncio.Queue()

    def hear(self, records: Sequence[Record], guards: Sequence[Guard]) -> None:
        """Take in what this process has written; other streams than executions are not this server's."""
        changed = {record.execution for record in records if record.kind is not Kind.EXECUTION_STARTED}
        changed |= {guard.execution for guard in guards if isinstance(guard, MoveExecution)}
        for execution in changed:
            if execution.startswith("exe_"):
                self._changed.put_nowait(execution)

    async def serve(
        self, stop: asyncio.Event, *, lost: asyncio.Event, ready: Callable[[], None] = lambda: None
    ) -> None:
        """Serve until `stop` is set; `ready` is called once others see that this process serves.

        Raise UnavailableError when the lease is `lost`.
        """
        await self._admission.serve(serves=True)
        ready()
        ends = [asyncio.create_task(event.wait()) for event in (stop, lost)]
        try:
            async with kept(self._duties()):
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            await self._admission.serve(serves=False)
        if lost.is_set():
            raise UnavailableError(
                "another process has taken over what this server was carrying, because it was silent for too long",
                hint="start it again; a machine that sleeps, or a store that is slow to write, keeps a server silent",
                reason="lease-lost",
            )

    def _duties(self) -> list[Round]:
        return [
            Round(self._begin, LOOK_S, "nothing could be begun"),
            Round(self._begin_again, TAKEN_LOOK_S, "what somebody died over could not be begun again"),
            Round(self._look, TAKEN_LOOK_S, "what is carried could not be looked at"),
            Round(self._tell_changed, LOOK_S, "what changed could not be told"),
        ]

    async def _begin(self) -> None:
        """Begin what nobody stands for."""
        for _ in range(TURNS_AT_ONCE):
            execution = await self._admission.admit_abandoned()
            if not execution:
                return
            await self._control.carry_on(execution)
            self._changed.put_nowait(execution)

    async def _begin_again(self) -> None:
        """Begin what somebody died over."""
        for execution in await self._admission.left_behind():
            await self._control.carry_on(execution)

    async def _look(self) -> None:
        """Notice what this process took over and has written nothing about yet."""
        for execution in await self._held() - self._told.keys():
            if not (await self._control.get(execution)).state.ended:
                self._changed.put_nowait(execution)

    async def _tell_changed(self) -> None:
        changed = {self._changed.get_nowait() for _ in range(self._changed.qsize())}
        for execution in sorted(changed):
            self._note(await self._control.get(execution))

    def _note(self, execution: Execution) -> None:
        """Tell what is new about an execution, each thing once."""
        if execution.id not in self._told:
            self._say("taken", execution)
        if execution.state is State.WAITING and self._told.get(execution.id) != "waiting":
            self._say("waiting", execution)
        elif execution.state.ended:
            self._say("ended", execution)
            del self._told[execution.id]
        elif execution.state is not State.WAITING:
            self._told[execution.id] = "taken"

    def _say(self, what: str, execution: Execution) -> None:
        self._told[execution.id] = what
        self._tell(News(what, execution))
