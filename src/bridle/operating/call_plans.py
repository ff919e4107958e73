"""The plans of calls of the sessions that this process serves: which call is next, and when a plan has come to its end.

Rules
  1. A plan stands while all that people were asked about in it is approved. Its next call is the first that has not succeeded.
  2. The call that is next, exactly, is the planned one: same tool, same arguments, once. Any other is asked about as ever.
  3. A plan ends with its last call, with a call that did not succeed, and with a request of it that was denied, has expired or no
     longer holds. What is left of it is void then, by a record.
  4. What stands is read from the journal once, and the process that serves the session is the only one that changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import InputError
from bridle.gate.action import Action, Asked, Done, Result
from bridle.gate.approvals import Approval, Approvals, ApprovalState, CloseApproval
from bridle.trust.call_plans import CallPlan, read_call_plan
from bridle.trust.journal import Entry, GuardError, Journal, Kind, Record

SUCCEEDED = "succeeded"
STANDS = (ApprovalState.OPEN, ApprovalState.APPROVED)


@dataclass(frozen=True)
class Turn:
    """A call whose turn it is: `position` counts from 0."""

    plan: CallPlan
    position: int

    @property
    def key(self) -> str:
        return self.plan.calls[self.position].key

    @property
    def fact(self) -> Mapping[str, Json] | None:
        """What the action says of its plan; nothing when it is asked about on its own."""
        return self.plan.fact(self.position) if self.plan.calls[self.position].approval else None


class CallPlans:
    """Keeps the plans that have not ended, by session."""

    def __init__(self, journal: Journal, approvals: Approvals, clock: Clock) -> None:
        self._journal = journal
        self._approvals = approvals
        self._clock = clock
        self._turns: dict[str, tuple[Turn, ...]] = {}

    async def any(self, session: str) -> bool:
        """True while a session has a plan that has not ended."""
        return bool(await self._of(session))

    def add(self, session: str, plan: CallPlan) -> None:
        """Take in a plan that was just recorded."""
        self._turns[session] = (*self._turns.get(session, ()), Turn(plan, 0))

    async def same(self, session: str, size: int, spell: Callable[[int, str], Action]) -> CallPlan | None:
        """Return the plan of exactly these calls that waits or stands already: nobody is asked the same twice at once."""
        for turn in await self._of(session):
            calls = turn.plan.calls
            if turn.position or len(calls) != size or await self._state(session, turn) is None:
                continue
            if all(spell(n, call.key).digest == call.action for n, call in enumerate(calls)):
                return turn.plan
        return None

    async def turn(
        self, session: str, digest_under: Callable[[str], str], approval: Approval | None
    ) -> Turn | None:
        """Return the planned call that a call is, or None; `digest_under` is the digest it has under a key.

        Raise InputError for one that names a plan's approval before its turn.
        """
        for turn in await self._of(session):
            state = await self._state(session, turn)
            call = turn.plan.calls[turn.position]
            if state is not ApprovalState.APPROVED or (approval is not None and approval.key != call.key):
                continue
            if digest_under(call.key) == call.action:
                return turn
        if approval is not None and is_planned(approval) and approval.state is ApprovalState.APPROVED:
            raise InputError(
                "this call was approved for its place in a plan, and it is not its turn",
                where=approval.id,
                hint="make the calls of the plan in their order, without an id",
                reason="out-of-turn",
            )
        return None

    async def took(self, session: str, turn: Turn, result: Result) -> None:
        """Go on to the next call of a plan, or end it."""
        if isinstance(result, Asked):
            if turn.fact is not None:  # what was approved no longer holds, and is asked about anew on its own
                await self._end(session, turn, "what was approved has changed")
            return
        if not isinstance(result, Done) or result.status != SUCCEEDED:
            await self._end(session, turn, f"call {turn.position + 1} did not succeed")
        elif turn.position + 1 == len(turn.plan.calls):
            await self._end(session, turn, "")
        else:
            self._replace(session, turn, replace(turn, position=turn.position + 1))

    async def _state(self, session: str, turn: Turn) -> ApprovalState | None:
        """Return open or approved, whichever the plan is; None once it has ended, which is recorded."""
        now = self._clock.now()
        worst = ApprovalState.APPROVED
        for number, call in enumerate(turn.plan.calls[turn.position :]):
            found = await self._approvals.get(call.approval) if call.approval else None
            state = found.state_at(now) if found else (ApprovalState.EXPIRED if call.approval else worst)
            if state is ApprovalState.USED and number == 0:
                continue  # it was begun, and may be gone on with
            if state not in STANDS:
                await self._end(session, turn, f"call {turn.position + number + 1} is {state}")
                return None
            worst = state if state is ApprovalState.OPEN else worst
        return worst

    async def _end(self, session: str, turn: Turn, why: str) -> None:
        found = [await self._approvals.get(call.approval) for call in turn.plan.calls if call.approval]
        void = [item.id for item in found if item is not None and item.state in STANDS]
        entry = Entry(Kind.PLAN_ENDED, session, turn.plan.id, {"why": why, "void": void})
        self._replace(session, turn, None)
        with suppress(
            GuardError
        ):  # a person changed one at this instant: read anew, the plan is over all the same
            await self._journal.append([entry], [CloseApproval(item) for item in void])

    def _replace(self, session: str, turn: Turn, by: Turn | None) -> None:
        kept = [by if one.plan.id == turn.plan.id else one for one in self._turns[session]]
        self._turns[session] = tuple(one for one in kept if one is not None)

    async def _of(self, session: str) -> tuple[Turn, ...]:
        if session not in self._turns:
            records = await self._journal.read(
                execution=session, kinds=(Kind.PLAN_PROPOSED, Kind.PLAN_ENDED, Kind.OUTCOME)
            )
            self._turns[session] = _read(records)
            for turn in self._turns[session]:
                if _failed(turn, records):
                    await self._end(session, turn, f"call {turn.position + 1} did not succeed")
        return self._turns[session]


def is_planned(approval: Approval) -> bool:
    """True for the request of one call that people are asked about with its plan."""
    return "plan" in approval.rests_on


def _read(records: list[Record]) -> tuple[Turn, ...]:
    ended = {record.subject for record in records if record.kind is Kind.PLAN_ENDED}
    plans = [
        read_call_plan(record.subject, record.body)
        for record in records
        if record.kind is Kind.PLAN_PROPOSED and record.subject not in ended
    ]
    succeeded = {record.subject for record in records if record.body.get("status") == SUCCEEDED}
    turns = [Turn(plan, sum(call.key in succeeded for call in plan.calls)) for plan in plans]
    return tuple(turn for turn in turns if turn.position < len(turn.plan.calls))


def _failed(turn: Turn, records: list[Record]) -> bool:
    return any(record.kind is Kind.OUTCOME and record.subject == turn.key for record in records)
