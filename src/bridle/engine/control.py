"""Starts executions, carries them on, and takes people's verdicts. What the surfaces call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridle.core.canonical import Json, digest
from bridle.core.clock import Clock
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.core.states import State
from bridle.dispatch.protocol import Delegate
from bridle.engine.durable import Durable
from bridle.engine.execution import Execution, Executions, StartExecution
from bridle.gate.approvals import Approval, Approvals, ApprovalState, GiveVerdict
from bridle.pipeline.plan import Plan
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.keys import Signer
from bridle.trust.principals import Principal, PrincipalKind
from bridle.trust.verdicts import sign_verdict

ANSWERED = frozenset({ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.EXPIRED})
LOOK_S = 0.1  # how often a follower looks whether an execution has begun to wait


@dataclass(frozen=True)
class Verdict:
    """A person's word. `name` is what they call themselves; only the operating system vouches for `by`."""

    approved: bool
    by: Principal
    name: str = ""
    comment: str = ""


async def find_open(approvals: Approvals, *, now: datetime, execution: str = "") -> list[Approval]:
    """Return the requests that a person can still answer; one whose time is over is none, whatever its row says."""
    stored = await approvals.find(execution=execution, states=(ApprovalState.OPEN,))
    return [approval for approval in stored if approval.state_at(now) is ApprovalState.OPEN]


class Control:
    """The engine's desk."""

    def __init__(
        self,
        *,
        journal: Journal,
        executions: Executions,
        approvals: Approvals,
        durable: Durable,
        delegate: Delegate,
        signer: Signer,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._executions = executions
        self._approvals = approvals
        self._durable = durable
        self._delegate = delegate
        self._signer = signer
        self._clock = clock

    async def start(
        self, plan: Plan, *, inputs: Mapping[str, Json], options: Mapping[str, Json], initiator: Principal
    ) -> Execution:
        """Record a new execution, with what the delegate proved that its sandbox enforces, and begin to carry it."""
        execution = Execution(
            id=new_id("exe"),
            pipeline=plan.id,
            plan=plan.to_json(),
            plan_digest=plan.digest(),
            inputs=inputs,
            options=options,
            initiator=initiator.id,
            state=State.RUNNING,
            note="",
            started_at=self._clock.now(),
        )
        body: dict[str, Json] = {
            "pipeline": plan.id,
            "plan": plan.digest(),
            "inputs": dict(inputs),
            "options": dict(options),
            "initiator": initiator.id,
            "sandbox": await self._delegate.probe(),
        }
        entry = Entry(Kind.EXECUTION_STARTED, execution.id, execution.id, body)
        await self._journal.append([entry], [StartExecution(execution)])
        await self.carry_on(execution.id)
        return execution

    async def get(self, execution_id: str) -> Execution:
        """Return an execution; raise InputError when there is none of that id."""
        execution = await self._executions.get(execution_id)
        if execution is None:
            raise InputError(f"there is no execution {execution_id!r}", hint="bridle executions lists them")
        return execution

    async def carry_on(self, execution_id: str) -> None:
        """Make sure that the execution is being carried, and wake what waits for a verdict that has been given.

        A process that died between its record and the engine's, or between a verdict and its message, is made good for here.
        So an execution whose end is recorded is started as well: the engine may not have heard of the end.
        """
        execution = await self.get(execution_id)
        await self._durable.start(execution.id, {"execution": execution.id, "plan": execution.plan})
        if execution.state.ended:
            return
        now = self._clock.now()
        for approval in await self._approvals.find(execution=execution.id):
            if approval.state_at(now) in ANSWERED:
                await self._durable.wake(execution.id, approval.id)

    async def follow(self, execution_id: str) -> Execution:
        """Return the execution when it has ended or waits for a person."""
        ending: asyncio.Task[dict[str, Any]] = asyncio.create_task(self._durable.result(execution_id))
        try:
            while not ending.done():
                if await self.waits_for_a_person(execution_id):
                    break
                await asyncio.wait({ending}, timeout=LOOK_S)
            if ending.done():
                ending.result()  # a workflow that raised is a bug of ours and must be seen
            return await self.get(execution_id)
        finally:
            ending.cancel()

    async def waits_for_a_person(self, execution_id: str) -> bool:
        """True when the execution has come to a stop at an open request."""
        execution = await self.get(execution_id)
        if execution.state is not State.WAITING:
            return False
        return bool(await find_open(self._approvals, now=self._clock.now(), execution=execution_id))

    async def give_verdict(self, approval_id: str, verdict: Verdict) -> Approval:
        """Record a person's verdict and wake who waits for it; the same verdict twice is one verdict."""
        approval = await self._approvals.get(approval_id)
        if approval is None:
            raise InputError(
                f"there is no approval {approval_id!r}", hint="bridle executions shows open ones"
            )
        if verdict.by.kind is not PrincipalKind.USER:
            raise TrustError(f"{verdict.by.id} is not a person", reason="not-a-person")
        wanted = ApprovalState.APPROVED if verdict.approved else ApprovalState.DENIED
        if approval.state_at(self._clock.now()) is not wanted:
            await self._record_verdict(approval, verdict, wanted)
        await self._durable.wake(approval.execution, approval.id)
        return approval

    async def _record_verdict(self, approval: Approval, verdict: Verdict, wanted: ApprovalState) -> None:
        now = self._clock.now()
        state = approval.state_at(now)
        if state is not ApprovalState.OPEN:
            raise InputError(
                f"approval {approval.id} is {state}",
                hint="nothing can be changed about it",
                reason="not-open",
            )
        body: dict[str, Json] = {
            "approval": approval.id,
            "action": approval.action,
            "rests_on": digest(approval.rests_on),
            "verdict": str(wanted),
            "by": verdict.by.id,
            "name": verdict.name or verdict.by.name,
            "asserted": verdict.by.asserted or verdict.name != "",
            "comment": verdict.comment,
        }
        guard = GiveVerdict(approval.id, wanted, verdict.by.id, bool(body["asserted"]), verdict.comment, now)
        signed = sign_verdict(self._signer, body)
        entry = Entry(Kind.APPROVAL_VERDICT, approval.execution, approval.id, signed)
        try:
            await self._journal.append([entry], [guard])
        except GuardError as error:
            raise InputError("somebody else was first", where=approval.id, reason="not-open") from error
