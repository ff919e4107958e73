"""Interrupts: what people want of an execution under way: that it pauses, goes on, or is cancelled.

Rules
  1. A wish is a record of who asked, and a change of the execution's `wish` in the record's own transaction. Whoever carries the
     execution looks at the wish before each leg; nobody reaches into another process.
  2. A cancel is never taken back, and deletes every token of the execution at once: what is under way can begin nothing more.
  3. Whoever records a wish wakes every wait of the execution, so that a wait of weeks notices it within a second.
  4. What belongs to an execution (chained pipelines, rollbacks) pauses and goes on with it, what begins meanwhile too. A child
     that was paused for itself stays so until it is resumed for itself. A cancel reaches it through the step that waits for it.
  5. An execution that has ended takes no wish; that is said, not ignored. The same wish twice is one wish.
  6. A command that runs while its execution is cancelled is ended by the delegate that runs it, not waited for. The delegate is
     told at each look while the execution has not ended, because a command may have begun in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from bridle.core.canonical import Json
from bridle.core.errors import ExecutionError, InputError
from bridle.dispatch.protocol import Delegate
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


TOO_LATE = frozenset({"has-ended", "being-cancelled"})


@dataclass(frozen=True)
class WishExecution:
    """Guard: change the wish of an execution that has not ended and is not being cancelled, to another one.

    Whoever lifts a pause makes it running again where it stood still: what begins next need not say so.
    """

    execution: str
    wish: Wish
    guards = "wish for execution {0.execution}"


@dataclass(frozen=True)
class PauseExecution:
    """Guard: an execution stands still from now on, if that is still wanted of it."""

    execution: str
    guards = "pause of execution {0.execution}"


@dataclass(frozen=True)
class Wanted:
    """Who wants what, and why. `parent` is the execution that it was asked of, where this one only belongs to that."""

    wish: Wish
    by: str
    why: str = ""
    parent: str = ""


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
        body |= {"parent": wanted.parent} if wanted.parent else {}
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

    async def hand_down(self, execution: Execution, wanted: Wanted) -> None:
        """Have what belongs to an execution pause or go on as well; doing it again does what a death in between left."""
        for child in await self._executions.children(execution.id):
            if wanted.wish is Wish.PAUSE or await self._is_held_by(child, execution):
                try:
                    await self.record(child, replace(wanted, parent=execution.id))
                except InputError as error:
                    if error.reason not in TOO_LATE:
                        raise
                await self.wake(child.id)
            if await self._executions.wish(child.id) == wanted.wish:
                await self.hand_down(child, wanted)

    async def join(self, parent: Execution) -> None:
        """Have what a paused execution has begun in spite of its pause, because that was not noticed yet, pause with it."""
        if await self._executions.wish(parent.id) != Wish.PAUSE:
            return
        asked = await self._journal.last(parent.id, parent.id, (Kind.EXECUTION_PAUSED,))
        by = str(asked.body["by"]) if asked else parent.initiator
        await self.hand_down(parent, Wanted(Wish.PAUSE, by))
        if (
            await self._executions.wish(parent.id) == Wish.NONE
        ):  # lifted meanwhile, perhaps before the child was seen
            await self.hand_down(parent, Wanted(Wish.NONE, by))

    async def _is_held_by(self, child: Execution, parent: Execution) -> bool:
        said = (Kind.EXECUTION_PAUSED, Kind.EXECUTION_RESUMED)
        last = await self._journal.last(child.id, child.id, said)
        return (
            last is not None and last.kind is Kind.EXECUTION_PAUSED and last.body.get("parent") == parent.id
        )

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


async def end_cancelled(executions: Executions, delegate: Delegate) -> None:
    """Tell the delegate of every execution whose cancel is wanted."""
    for execution in await executions.wished(Wish.CANCEL):
        await delegate.cancel(execution)


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
