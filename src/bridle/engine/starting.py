"""Starts executions: those that a person asks for, and those that belong to another execution.

Rules
  1. The start is one record: the plan's digest and its templates', the inputs (redacted; the raw ones are in the working
     store), who asked, and what the delegate proved that its sandbox enforces. Beside it stands a signed statement of the
     controls in force (trust.controls).
  2. A child's id follows from its parent and the path it stands at, so it is started once, however often that is tried. It
     acts for whoever started its parent, never for more.
  3. A plan with drafts is started only where no consequential action is a part of it (`drafts`).
  4. The plan is stored with the execution; whoever carries it reads it from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from bridle.core.canonical import Json, canonical
from bridle.core.clock import Clock
from bridle.core.errors import ExecutionError, InputError
from bridle.core.ids import new_id
from bridle.core.states import State
from bridle.dispatch.protocol import Delegate
from bridle.engine.admission import Admission
from bridle.engine.drafts import refuse_drafts
from bridle.engine.durable import OTHER_INTERPRETER, Durable
from bridle.engine.execution import Execution, Executions, Starter, StartExecution
from bridle.engine.interrupts import Interrupts, Wanted, Wish
from bridle.pipeline.plan import Plan
from bridle.trust.controls import attest_controls
from bridle.trust.journal import Entry, GuardError, Journal, Kind
from bridle.trust.keys import Signer
from bridle.trust.redaction import Redactor

Controls: TypeAlias = Callable[[], Mapping[str, Json]]
"""Tells the controls in force besides the sandbox: policy, limits, settings, versions."""


class Starting(Starter):
    """Records beginnings, and has them carried."""

    def __init__(
        self,
        *,
        journal: Journal,
        executions: Executions,
        durable: Durable,
        delegate: Delegate,
        clock: Clock,
        admission: Admission,
        signer: Signer,
        controls: Controls,
        redactor: Redactor | None = None,
    ) -> None:
        self._journal = journal
        self._redactor = redactor or Redactor()
        self._signer = signer
        self._controls = controls
        self._executions = executions
        self._durable = durable
        self._delegate = delegate
        self._clock = clock
        self._admission = admission
        self._interrupts = Interrupts(journal=journal, executions=executions, durable=durable)

    async def record(
        self,
        plan: Plan,
        *,
        inputs: Mapping[str, Json],
        options: Mapping[str, Json],
        initiator: str,
        execution_id: str = "",
        begins: bool = True,
        waiter: str = "",
        reused: Sequence[Entry] = (),
    ) -> Execution:
        """Record a new execution; nobody carries it yet. One that does not begin stands in line, and `waiter` stands for it."""
        refuse_drafts(plan)
        execution = Execution(
            id=execution_id or new_id("exe"),
            pipeline=plan.id,
            plan=plan.to_json(),
            plan_digest=plan.digest(),
            inputs=inputs,
            options=options,
            initiator=initiator,
            state=State.RUNNING if begins else State.PENDING,
            note="",
            started_at=self._clock.now(),
        )
        redacted = self._redactor.redact_json(dict(inputs))
        body: dict[str, Json] = {
            "pipeline": plan.id,
            "plan": plan.digest(),
            "templates": dict(plan.lock),
            "inputs": redacted,
            "options": dict(options),
            "initiator": initiator,
            "sandbox": await self._delegate.probe(),
        }
        raw = {"inputs": canonical(dict(inputs))} if redacted != dict(inputs) else {}
        entry = Entry(Kind.EXECUTION_STARTED, execution.id, execution.id, body, raw)
        attested = attest_controls(
            self._signer, execution.id, {"sandbox": body["sandbox"], **self._controls()}
        )
        await self._journal.append(
            [entry, attested, *reused], [StartExecution(execution, ceiling=plan.concurrency, waiter=waiter)]
        )
        return execution

    async def carry(self, execution: str) -> None:
        """Make sure that an execution is being carried; one that is to be cancelled also where another version began it."""
        argument = {"execution": execution}
        try:
            await self._durable.start(execution, argument)
        except ExecutionError as error:
            if error.reason != OTHER_INTERPRETER or await self._executions.wish(execution) != Wish.CANCEL:
                raise
            await self._durable.start(execution, argument, anew=True)

    async def start_child(
        self,
        parent: Execution,
        *,
        path: str,
        plan: Plan,
        inputs: Mapping[str, Json],
        options: Mapping[str, Json],
    ) -> Execution:
        child_id = derive_id(parent.id, path)
        known = await self._executions.get(child_id)
        if known is None:
            linked = {**inherited(parent.options), **options, "parent": parent.id, "path": path}
            try:
                known = await self.record(
                    plan,
                    inputs=inputs,
                    options=linked,
                    initiator=parent.initiator,
                    execution_id=child_id,
                    begins=self._admission.is_free(plan.concurrency),
                    waiter=self._admission.process,
                )
            except GuardError:  # another process has just started it
                known = await self._executions.get(child_id)
                assert known is not None
        if known.state.ended:
            await self._see_out(child_id)
            return known
        await self._interrupts.join(parent)
        if await self._admission.stand(known):
            await self.carry(child_id)
        return known

    async def _see_out(self, child: str) -> None:
        """Wait for the rest of a child whose end is recorded: its workflow's own end, which a process may have died before."""
        try:
            await self._durable.start(child, {"execution": child})
        except ExecutionError as error:
            if error.reason != OTHER_INTERPRETER:
                raise
            return  # another version began it: nobody here can carry on what is left of it
        await self._durable.result(child)

    async def cancel_child(self, parent: Execution, *, path: str) -> None:
        child = await self._executions.get(derive_id(parent.id, path))
        if child is None or child.state.ended:
            return
        try:
            await self._interrupts.record(
                child, Wanted(Wish.CANCEL, parent.initiator, f"{parent.id} was cancelled")
            )
        except InputError as error:
            if error.reason != "has-ended":
                raise
        await self._interrupts.wake(child.id)

    async def outputs_of(self, child: Execution) -> Mapping[str, Json]:
        ended = await self._journal.last(child.id, child.id, (Kind.EXECUTION_ENDED,))
        outputs = ended.body.get("outputs") if ended else None
        return outputs if isinstance(outputs, Mapping) else {}


def inherited(options: Mapping[str, Json]) -> dict[str, Json]:
    """Return the options of an execution that hold for a child and a rerun of it too: its project, the variables of the
    installation, the model chosen, its case."""
    return {name: options[name] for name in ("model", "project", "variables", "case") if name in options}


def rollback_path(path: str) -> str:
    """Return the path at which the rollback of a stage stands, or that of the pipeline."""
    return f"{path or 'pipeline'}/rollback"


def derive_id(parent: str, path: str) -> str:
    """Return the id of the execution that belongs to `parent` at `path`."""
    return "exe_" + hashlib.sha256(f"{parent}/{path}".encode()).hexdigest()[:26]
