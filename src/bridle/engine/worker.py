"""The worker of one execution: every operation of the interpreter, on one desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.core.states import State
from bridle.engine import blocks, branches, cells, progress, reactions, rollback, services
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.result import CANCEL, Result, Standing
from bridle.engine.stepping import Stepping
from bridle.engine.work import Answer, Worker
from bridle.gate.approvals import ApprovalState, CloseApproval
from bridle.pipeline.expressions import render


class PlanWorker(Worker):
    """Implements `work.Worker`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def begin(self, root: Position) -> Answer:
        return await blocks.begin(self._desk, root)

    async def enter(self, position: Position, standing: Standing) -> Answer:
        failed = await branches.restore(self._desk, position)
        return failed or await blocks.enter(self._desk, position, standing)

    async def leave(self, position: Position, result: Result) -> Answer:
        fault = await services.end_services(self._desk, position)
        return await blocks.leave(self._desk, position, result, fault=fault)

    async def judge_time(self, position: Position) -> Answer:
        return blocks.judge_time(self._desk, position)

    async def expand(self, position: Position, standing: Standing) -> Answer:
        failed = await branches.restore(self._desk, position)
        return failed or await cells.expand_cells(self._desk, position, standing)

    async def again(self, cell: Position, standing: Standing) -> Answer:
        answer = await cells.ask_again(self._desk, cell, standing)
        if answer["state"] != State.RUNNING:
            return answer
        return await progress.judge_progress(self._desk, cell, standing) or answer

    async def goes_on(self, cell: Position, standing: Standing) -> Answer:
        stuck = await progress.judge_progress(self._desk, cell, standing)
        return stuck or {"state": str(State.RUNNING)}

    async def fork(self, children: Sequence[Position]) -> Answer:
        return await branches.fork(self._desk, children)

    async def hand_over(self, child: Position, needed: Sequence[Position]) -> Answer:
        return await branches.hand_over(self._desk, child, needed)

    async def join(self, position: Position, children: Sequence[Position]) -> Answer:
        return await branches.join(self._desk, position, children)

    async def stop(self, branches_: Sequence[Position]) -> Answer:
        return await branches.stop(self._desk, branches_)

    async def run_step(self, position: Position, standing: Standing) -> Answer:
        return await Stepping(self._desk, position, standing).run()

    async def rest(self, position: Position, until: str) -> Answer:
        return await reactions.rest(self._desk, position, until)

    async def intervene(self, position: Position, standing: Standing, answer: Answer) -> Answer:
        return await reactions.intervene(self._desk, position, standing, answer)

    async def roll_back(self, position: Position) -> Answer:
        return await rollback.roll_back(self._desk, position)

    async def _withdraw(self) -> None:
        """End what steps of a cancelled execution left that did not end themselves: another version had begun them."""
        desk = self._desk
        states = (ApprovalState.OPEN, ApprovalState.APPROVED)
        asked = await desk.bench.approvals.find(execution=desk.execution.id, states=states)
        if asked:
            await desk.append([], [CloseApproval(approval.id) for approval in asked])
        for child in await desk.executions.children(desk.execution.id):
            await desk.starter.cancel_child(desk.execution, path=str(child.options["path"]))
            if child.state is not State.PENDING:
                await desk.starter.carry(child.id)

    async def finish(self, result: Result) -> Answer:
        desk = self._desk
        outputs: Json = {}
        if desk.plan.outputs and result.worst is State.SUCCEEDED:
            try:
                outputs = render(
                    dict(desk.plan.outputs), await desk.context(Position(desk.plan), inside=True)
                )
            except (
                InputError
            ):  # what the outputs would have been is for whoever reads them to miss; the end is the end
                result = replace(result, worst=State.FAILED)
        if result.stop == CANCEL:
            await self._withdraw()
        await desk.bench.locks.release_scope(desk.execution.id, "")
        ended = await desk.finisher.finish(desk.execution, result=result, outputs=outputs)
        parent, path = (str(desk.execution.options.get(name, "")) for name in ("parent", "path"))
        if parent:
            await desk.wake(parent, path)
        return ended
