"""Starts executions, carries them on, and takes people's verdicts. What the surfaces call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridle.core.canonical import Json
from bridle.core.clock import Clock
from bridle.core.errors import InputError
from bridle.core.ids import new_id
from bridle.core.states import State
from bridle.engine.admission import Admission
from bridle.engine.answering import VERDICT, Verdict
from bridle.engine.durable import Durable
from bridle.engine.execution import Execution, Executions, place_of
from bridle.engine.interrupts import Interrupts, Wanted, Wish
from bridle.engine.interventions import Decision, Interventions, find_open_interventions
from bridle.engine.rerun import Reuse, find_reuse
from bridle.engine.selection import select_stages
from bridle.engine.starting import Starting, inherited
from bridle.engine.verdicts import Verdicts
from bridle.gate.approvals import Approval, Approvals, ApprovalState
from bridle.pipeline.inputs import resolve_inputs
from bridle.pipeline.plan import Plan
from bridle.pipeline.variables import Shared
from bridle.trust.access import require
from bridle.trust.journal import Journal
from bridle.trust.notary import Notary
from bridle.trust.principals import Place, Principal, PrincipalKind
from bridle.trust.quorum import CONTROL_PLANE

START, CONTROL = "execution:start", "execution:control"
LOOK_S = 0.1  # how often a follower looks whether an execution has begun to wait


async def find_open(approvals: Approvals, *, now: datetime, execution: str = "") -> list[Approval]:
    """Return the requests that a person can still answer; one whose time is over is none, whatever its row says."""
    stored = await approvals.find(execution=execution, states=(ApprovalState.OPEN,))
    return [approval for approval in stored if approval.state_at(now) is ApprovalState.OPEN]


async def find_void(approvals: Approvals, *, now: datetime) -> list[Approval]:
    """Return the requests that answer nothing any more, and for whose call nobody has been asked anew."""
    stored = await approvals.find(states=(ApprovalState.VOID,))
    live = [approval for approval in stored if now < approval.expires_at]
    return [one for one in live if not await _is_asked_anew(one, approvals)]


async def _is_asked_anew(void: Approval, approvals: Approvals) -> bool:
    later = [
        other
        for other in await approvals.find(execution=void.execution)
        if other.tool == void.tool and other.requested_at > void.requested_at
    ]
    return any(other.shown.get("arguments") == void.shown.get("arguments") for other in later)


@dataclass(kw_only=True, eq=False)
class Control:
    """The engine's desk."""

    journal: Journal
    executions: Executions
    approvals: Approvals
    durable: Durable
    starting: Starting
    notary: Notary
    clock: Clock
    admission: Admission
    project: str = "default"
    shared: Callable[[], Shared] = dict

    def __post_init__(self) -> None:
        journal, durable, notary, clock = self.journal, self.durable, self.notary, self.clock
        self._interrupts = Interrupts(journal=journal, executions=self.executions, durable=durable)
        self._interventions = Interventions(journal=journal, durable=durable, notary=notary, clock=clock)
        self._verdicts = Verdicts(
            journal=journal,
            executions=self.executions,
            approvals=self.approvals,
            durable=durable,
            notary=notary,
            clock=clock,
        )

    async def start(
        self,
        plan: Plan,
        *,
        inputs: Mapping[str, Json],
        options: Mapping[str, Json],
        initiator: Principal,
        detached: bool = False,
        reuse: Reuse | None = None,
        stages: Sequence[str] = (),
    ) -> Execution:
        """Record a new execution, with what the delegate proved that its sandbox enforces, and begin to carry it.

        One that is limited stands in line first. A `detached` one is left to a serving process. `stages` are those that it is of,
        where it is not of all of them. Raise TrustError for whoever may not start one in its project.
        """
        shared = {scope: dict(variables) for scope, variables in self.shared().items()}
        kept: dict[str, Json] = {"variables": shared} if shared else {}
        options = {"project": self.project, **kept, **options, **select_stages(plan, stages)}
        await require(self.notary.principals, initiator.id, START, Place(str(options["project"])))
        begins = not detached and self.admission.is_free(plan.concurrency)
        execution_id = new_id("exe")
        execution = await self.starting.record(
            plan,
            inputs=inputs,
            options=options,
            initiator=initiator.id,
            execution_id=execution_id,
            begins=begins,
            waiter="" if detached else self.admission.process,
            reused=reuse.entries(execution_id) if reuse else (),
        )
        if begins:
            await self._begin(execution)
        elif not detached:
            await self.carry_on(execution.id)
        return execution

    async def rerun(
        self, execution_id: str, *, given: Mapping[str, Json], from_stage: str = "", initiator: Principal
    ) -> Execution:
        """Begin another execution of the plan that an ended one had (engine.rerun); `given` are inputs that differ."""
        execution = await self.get(execution_id)
        reuse = await find_reuse(self.journal, self.executions, execution, from_stage=from_stage)
        if given and from_stage:
            raise InputError(
                "inputs cannot be others where stages are reused: what those put out rests on the old ones",
                hint="leave --from or --input out",
                reason="inputs-with-from",
            )
        plan = Plan.from_json(execution.plan)
        if given and plan.fixed_inputs:
            raise InputError(
                f"a rerun of {plan.id} has the inputs of the first run",
                hint="leave --input out, or run it anew",
                reason="fixed-inputs",
            )
        inputs = resolve_inputs(plan, {**execution.inputs, **given}) if given else execution.inputs
        options = {**inherited(execution.options), **reuse.options()}
        chosen = execution.options.get("only")
        stages = [str(name) for name in chosen] if isinstance(chosen, (list, tuple)) else []
        return await self.start(
            plan, inputs=inputs, options=options, initiator=initiator, reuse=reuse, stages=stages
        )

    async def get(self, execution_id: str) -> Execution:
        """Return an execution; raise InputError when there is none of that id."""
        execution = await self.executions.get(execution_id)
        if execution is None:
            raise InputError(f"there is no execution {execution_id!r}", hint="bridle executions lists them")
        return execution

    async def carry_on(self, execution_id: str) -> None:
        """Make sure that the execution is being carried, and have everything that waits look again.

        A process that died between its record and the engine's, or between a record (a verdict, the end of a child) and the wake
        that follows it, is made good for here.
        So an execution whose end is recorded is started as well: the engine may not have heard of the end. One that is limited
        stands in line, and is carried from its turn on, which `follow` waits for.
        """
        execution = await self.get(execution_id)
        if await self.admission.stand(execution):
            await self._begin(execution)
            if execution.state is not State.PENDING and not execution.state.ended:
                await self.durable.wake(execution.id)

    async def _begin(self, execution: Execution) -> None:
        await self.starting.carry(execution.id)

    async def cancel(self, execution_id: str, *, by: Principal, why: str = "") -> bool:
        """Ask that an execution ends, cancelled; False when that was asked before. Raise InputError when it has ended."""
        return await self._wish(execution_id, Wanted(Wish.CANCEL, by.id, why))

    async def pause(self, execution_id: str, *, by: Principal, why: str = "") -> bool:
        """Ask that an execution, with what belongs to it, begins nothing more until it is resumed; False when that was asked."""
        return await self._wish(execution_id, Wanted(Wish.PAUSE, by.id, why))

    async def resume(self, execution_id: str, *, by: Principal, why: str = "") -> bool:
        """Lift a pause; False when there is none, or nothing that could go on."""
        wanted = Wanted(Wish.NONE, by.id, why)
        if await self.executions.wish(execution_id) != Wish.PAUSE:
            await self._interrupts.hand_down(await self.get(execution_id), wanted)
            return False
        return await self._wish(execution_id, wanted)

    async def _wish(self, execution_id: str, wanted: Wanted) -> bool:
        """Record a wish and wake who waits; waking again makes good for a process that died in between."""
        execution = await self.get(execution_id)
        if wanted.by != CONTROL_PLANE:
            await require(self.notary.principals, wanted.by, CONTROL, place_of(execution))
        changed = await self._interrupts.record(execution, wanted)
        await self._interrupts.wake(execution.id)
        if wanted.wish is not Wish.CANCEL:
            await self._interrupts.hand_down(execution, wanted)
        return changed

    async def follow(self, execution_id: str) -> Execution:
        """Return the execution when it has ended or waits for a person; stand in line for one that is limited.

        It is returned as it was seen: one that waits may be woken, look again and wait on before anybody else asks.
        """
        while (waiting := await self.get(execution_id)).state is State.PENDING:
            if await self.admission.admit(execution_id):
                await self._begin(waiting)
            else:
                await asyncio.sleep(LOOK_S)
        ending: asyncio.Task[dict[str, Any]] = asyncio.create_task(self.durable.result(execution_id))
        try:
            while not ending.done():
                seen = await self.get(execution_id)
                if await self.waits_for_a_person(seen):
                    return seen
                await asyncio.wait({ending}, timeout=LOOK_S)
            ending.result()  # a workflow that raised is a bug of ours and must be seen
            return await self.get(execution_id)
        finally:
            ending.cancel()

    async def waits_for_a_person(self, execution: Execution) -> bool:
        """True when the execution has come to a stop at an open request."""
        if execution.state is not State.WAITING:
            return False
        now = self.clock.now()
        if await find_open(self.approvals, now=now, execution=execution.id):
            return True
        return bool(await find_open_interventions(self.journal, execution, now=now))

    async def intervene(self, execution_id: str, path: str, decision: Decision) -> None:
        """Record what a person decides about a failed step (engine.interventions)."""
        execution = await self.get(execution_id)
        if decision.by.kind is PrincipalKind.USER:  # nobody else decides, and is told so
            await require(self.notary.principals, decision.by.id, VERDICT, place_of(execution))
        await self._interventions.answer(execution, path, decision)

    async def give_verdict(self, approval_id: str, verdict: Verdict) -> Approval:
        """Record a person's verdict; return the request as it then is (engine.verdicts)."""
        return await self._verdicts.give(approval_id, verdict)

    async def revoke_verdict(self, approval_id: str, verdict: Verdict) -> Approval:
        """Take a person's approval back before it was used."""
        return await self._verdicts.revoke(approval_id, verdict)


__all__ = ["Control", "Verdict", "find_open", "find_void"]
