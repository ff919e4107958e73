"""Ends an execution: its final state, its tokens, a signed checkpoint, and evidence of what was shipped.

Everything here can be done twice: the records are looked for before they are written, and the evidence is made from
the journal alone, so that it comes out the same whenever it is made again.
"""

from __future__ import annotations

from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.states import State
from bridle.engine.execution import Execution, MoveExecution
from bridle.engine.result import CANCEL, Result
from bridle.trust.journal import Entry, Journal, Kind
from bridle.trust.kills import Kills
from bridle.trust.tokens import DeleteTokens


class Attestor(Protocol):
    """Issues evidence of an execution that shipped something."""

    async def issue(self, execution: Execution) -> str:
        """Return the id of the `evidence.issued` record, or an empty string when there is nothing to prove."""
        ...

    async def publish(self, execution: Execution) -> None:
        """Sign a checkpoint over everything so far and write the bundle, if evidence was issued."""
        ...


class Ending:
    """Implements the worker's Finisher."""

    def __init__(self, journal: Journal, attestor: Attestor, clock: Clock, kills: Kills) -> None:
        self._journal = journal
        self._attestor = attestor
        self._clock = clock
        self._kills = kills

    async def finish(self, execution: Execution, *, result: Result, outputs: Json) -> dict[str, Any]:
        """Record the end once. The evidence is published before it, so that whoever sees an end finds the proof of it,
        and again after it, so that the checkpoint covers the end itself."""
        known = await self._journal.last(execution.id, execution.id, (Kind.EXECUTION_ENDED,))
        state, note = await self._judge(execution, result)
        state = state if known is None else State(str(known.body["state"]))
        evidence = await self._attestor.issue(execution) if known is None else str(known.body["evidence"])
        if known is None:
            if evidence:
                await self._attestor.publish(execution)
            body: dict[str, Json] = {"state": str(state), "evidence": evidence, "outputs": outputs}
            entry = Entry(Kind.EXECUTION_ENDED, execution.id, execution.id, body)
            move = MoveExecution(execution.id, state, note, self._clock.now())
            await self._journal.append([entry], [DeleteTokens(execution.id), move])
        if evidence:  # the end's own transaction has signed a checkpoint
            await self._attestor.publish(execution)
        return {"state": str(state), "note": ""}

    async def _judge(self, execution: Execution, result: Result) -> tuple[State, str]:
        """Return how it ends, and why where somebody has killed it: what its steps came to by that is no failure of theirs."""
        state = final_state(result)
        killed = None if state is State.SUCCEEDED else await self._kills.of(execution.id)
        if killed is None:
            return state, ""
        return state if state is State.UNKNOWN else State.CANCELLED, f"killed: {killed.reason} ({killed.id})"


def final_state(result: Result) -> State:
    """Return the state of the whole: the gravest that counted, also where a rollback has undone it."""
    if result.stop == CANCEL:
        return State.CANCELLED
    if result.worst is not State.SUCCEEDED:
        return result.worst
    return State.SKIPPED if result.state is State.SKIPPED else State.SUCCEEDED
