"""Interrupts: what people want of an execution under way: that it pauses, goes on, or is cancelled.

Rules
  1. A wish is a record of who asked, and a change of the execution's `wish` in the record's own transaction. Whoever carries the
     execution looks at the wish before each leg; nobody reaches into another process.
  2. A cancel is never taken back, and deletes every token of the execution at once: what is under way can begin nothing more.
  3. Whoever records a wish wakes every wait of the execution, so that a wait of weeks notices it within a second.
  4. An execution that has ended takes no wish; that is said, not ignored. The same wish twice is one wish.

What a carrying process does at once, beside looking at the wish, is `engine.watch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError
from bridle.engine.durable import Durable
from bridle.engine.execution import Execution, Executions
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind
from bridle.trust.tokens import DeleteTokens


class Wish(StrEnum):
    """What is wanted of an execution that has not ended; NONE is that it goes on."""

    NONE = ""
    PAUSE = "pause"
    CANCEL = "cancel"


RECORDED: Mapping[Wish, Kind] = {
    Wish.NONE: Kind.EXECUTION_RESUMED,
    Wish.PAUSE: Kind.EXECUTION_PAUSED,
    Wish.CANCEL: Kind.CANCEL_REQUESTED,
}


@dataclass(frozen=True)
class WishExecution:
    """Guard: change the wish of an execution that has not ended and is not being cancelled, to another one.

    Whoever lifts a pause makes it running again where it stood still: what begins next need not say so.
    """

    execution: str
    wish: Wish

    @property
    def guards(self) -> str:
        return f"wish for execution {self.execution}"


@dataclass(frozen=True)
class Wanted:
    """Who wants what, and why."""

    wish: Wish
    by: str
    why: str = ""


class Interrupts:
    """Records wishes and wakes whoever has to notice them."""

    def __init__(self, *, journal: Journal, executions: Executions, durable: Durable) -> None:
        self._journal = journal
        self._executions = executions
        self._durable = durable

    async def record(self, execution: Execution, wanted: Wanted) -> bool:
        """Record a wish; return False when it was the wish already. Raise InputError when it cannot be one any more."""
        known = await self._executions.wish(execution.id)
        if execution.state.ended or (known == Wish.CANCEL and wanted.wish is not Wish.CANCEL):
            raise _too_late(execution, known)
        if known == wanted.wish:
            return False
        guards: list[Guard] = [WishExecution(execution.id, wanted.wish)]
        if wanted.wish is Wish.CANCEL:
            guards.append(DeleteTokens(execution.id))
        body: dict[str, Json] = {"by": wanted.by, "why": wanted.why}
        try:
            await self._journal.append(
                [Entry(RECORDED[wanted.wish], execution.id, execution.id, body)], guards
            )
        except GuardError as error:  # it ended, or somebody else was first, since it was read
            known = await self._executions.wish(execution.id)
            if known == wanted.wish:
                return False
            raise _too_late(await self._read(execution.id), known) from error
        return True

    async def wake(self, execution: str) -> None:
        """Wake everything that the execution waits for, in all its branches."""
        try:
            await self._durable.wake(execution)
        except ExecutionError as error:
            if error.reason != "no-workflow":
                raise
            # Nobody has begun to carry it, so nothing waits; whoever begins finds the wish.

    async def _read(self, execution: str) -> Execution:
        found = await self._executions.get(execution)
        assert found is not None  # it was there before
        return found


def _too_late(execution: Execution, wish: str) -> InputError:
    if execution.state.ended:
        return InputError(
            f"{execution.id} has ended: {execution.state}",
            hint="nothing can be changed about it; bridle executions shows how it ended",
            reason="has-ended",
        )
    assert wish == Wish.CANCEL
    return InputError(
        f"{execution.id} is being cancelled",
        hint="a cancel is not taken back; start it again once it has ended",
        reason="being-cancelled",
    )
