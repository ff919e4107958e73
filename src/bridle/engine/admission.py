"""Admission: which execution may begin now, when a pipeline or the account takes no more than so many at once.

Rules
  1. Within a pipeline the first come is the first admitted; between pipelines the one whose last turn is longest ago. A flood on
     one pipeline starves no other.
  2. A pipeline's `concurrency` counts every execution that was admitted and has not ended, also one that waits for a person or is
     paused: its author protects what the pipeline works on, and that is still in use.
  3. The account's limit protects machines, so it counts only what is running in a process that lives. One that is woken goes on
     at once, even when that makes one more than the limit for a while.
  4. One guarded change admits one execution, and looks at the line again under the journal's lock: two processes never admit one
     too many.
  5. A command stands in line with its own execution and begins only that. What nobody stands for (its process died, or left it
     to others) is begun by a serving process, and while there is none it holds nobody up.
  6. What is to be cancelled begins at once, so that it can end. What is paused lets others pass.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bridle.core.states import State
from bridle.engine.execution import Execution
from bridle.trust.journal import GuardError, Journal


@dataclass(frozen=True)
class Limits:
    """How long a silent process counts as alive, and how many executions of the account run at once (None: any number)."""

    within_s: float
    account: int | None = None


@dataclass(frozen=True)
class AdmitExecution:
    """Guard: begin the execution that is next in line; the process `by` stands for it from now on."""

    execution: str
    by: str
    limits: Limits
    guards = "the turn of execution {0.execution}"


@dataclass(frozen=True)
class StandInLine:
    """Guard: the process `by`, or nobody when it is empty, stands for an execution that has not ended."""

    execution: str
    by: str
    guards = "execution {0.execution}"


@dataclass(frozen=True)
class Turn:
    """The execution that is next in line; `by` is the live process that stands for it, or empty."""

    execution: str
    by: str


class Line(Protocol):
    """Reads who stands in line. Changing it is a guard of the journal."""

    async def next(self, limits: Limits) -> Turn | None:
        """Return who may begin now."""
        ...

    async def left_behind(self, limits: Limits) -> list[str]:
        """Return executions that were admitted by a process which has died since: nobody may ever have begun them."""
        ...

    async def is_served(self, limits: Limits) -> bool:
        """True when a live process begins and carries what nobody stands for."""
        ...

    async def serve(self, worker: str, *, serves: bool) -> None:
        """Say whether the process begins and carries what nobody stands for."""
        ...


class Admission:
    """Stands in line for one process."""

    def __init__(self, *, journal: Journal, line: Line, process: str, limits: Limits) -> None:
        self._journal = journal
        self._line = line
        self._process = process
        self._limits = limits

    @property
    def process(self) -> str:
        """The process that stands for what this one begins."""
        return self._process

    def is_free(self, ceiling: int | None) -> bool:
        """True when nothing limits an execution, so that it need not stand in line."""
        return ceiling is None and self._limits.account is None

    async def stand(self, execution: Execution) -> bool:
        """Stand for an execution from now on, and begin it if it is in line and its turn; return whether it may be carried."""
        if not execution.state.ended:
            with suppress(GuardError):  # it has ended meanwhile: then there is nothing to stand for
                await self._journal.append([], [StandInLine(execution.id, self._process)])
        return execution.state is not State.PENDING or await self.admit(execution.id)

    async def leave(self, execution: Execution) -> bool:
        """Have a serving process begin what this one stands for, once this one has ended; False when none serves."""
        if not await self._line.is_served(self._limits):
            return False
        with suppress(GuardError):  # it has ended meanwhile: there is nothing to begin
            await self._journal.append([], [StandInLine(execution.id, self._process)])
        return True

    async def admit(self, execution: str) -> bool:
        """Begin the execution if it is its turn now."""
        turn = await self._line.next(self._limits)
        return turn is not None and turn.execution == execution and await self._begin(execution)

    async def admit_abandoned(self) -> str:
        """Begin the next in line if nobody stands for it; return its id, or nothing."""
        turn = await self._line.next(self._limits)
        if turn is None or turn.by not in ("", self._process):
            return ""
        return turn.execution if await self._begin(turn.execution) else ""

    async def left_behind(self) -> list[str]:
        """Return what was admitted by processes that died; whoever carries it on stands for it from then on."""
        return await self._line.left_behind(self._limits)

    async def is_served(self) -> bool:
        """True when a live process begins what nobody stands for."""
        return await self._line.is_served(self._limits)

    async def serve(self, *, serves: bool) -> None:
        """Say whether this process begins what nobody stands for."""
        await self._line.serve(self._process, serves=serves)

    async def _begin(self, execution: str) -> bool:
        try:
            await self._journal.append([], [AdmitExecution(execution, self._process, self._limits)])
        except GuardError:  # somebody else took the turn, or the last free place
            return False
        return True
