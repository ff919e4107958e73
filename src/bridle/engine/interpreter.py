"""The interpreter: the one workflow, which walks a plan.

Rules
  1. The plan is the one that the execution started with: what happens to the file later changes nothing.
  2. It is a pure function of what its operations returned. It reads no clock, no file and no record; conditions that look at
     outputs are evaluated inside the operations.
  3. What waits for a person or for time returns `waiting`; the interpreter waits durably and runs the same operation again,
     as its next leg. Whether the wait is over is the operation's own question.
  4. Nodes of a parallel block and cells of a strategy are branches, each a workflow of its own. One node after the other stays in
     the workflow around it.
  5. A failure is data. Unless its failure is ignored, the rest of its block runs only where a condition says so. A rollback, an
     abort or a cancel goes up as `stop` to whoever does it; what stands between is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bridle.core.states import State
from bridle.engine.durable import Run
from bridle.engine.position import Position, is_retried
from bridle.engine.progress import ROUNDS, is_repeated
from bridle.engine.result import TIME_OVER, UNFORGIVEN, Result, Standing
from bridle.engine.work import Answer, Worker
from bridle.pipeline.plan import Plan
from bridle.pipeline.strategy import UNBOUNDED
from bridle.pipeline.tree import Block


async def interpret(run: Run, plan: Plan, worker: Worker, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Walk the plan, or the branch that the argument names; return the final `{"state", "note"}` or the branch's result."""
    walk = Walk(run, worker)
    branch = argument.get("branch")
    if branch is None:
        return await walk.whole(plan)
    position = Position.from_json(plan, branch["position"])
    standing = Standing(**branch["standing"])
    result = await (walk.single if branch["cell"] else walk.node)(position, standing)
    return result.to_json()


class Walk:
    """One workflow's way through a plan."""

    def __init__(self, run: Run, worker: Worker) -> None:
        self._run = run
        self._worker = worker

    async def whole(self, plan: Plan) -> dict[str, Any]:
        root = Position(plan)
        standing = Standing()
        result = Result(State.SUCCEEDED)
        if plan.condition or plan.timeout_s:
            begun = await self._run.step("begin", lambda: self._worker.begin(root))
            standing = Standing(deadline=begun.get("deadline", ""), deadline_of="the pipeline")
            result = Result.of(begun)
        if result.state in (State.SUCCEEDED, State.RUNNING):
            result = await self._in_sequence(root, len(plan.stages), standing)
        if result.stop == TIME_OVER:
            judged = await self._run.step("time-over", lambda: self._worker.judge_time(root))
            result = result.after_time_over(judged)
        if result.stop == "pipeline-rollback":
            result = await self._roll_back(root, result)
        return await self._run.step("end", lambda: self._worker.finish(result))

    async def node(self, position: Position, standing: Standing) -> Result:
        """Run a node: once, or as the cells of its strategy."""
        if position.node.strategy is None:
            return await self.single(position, standing)
        return await self._cells(position, standing)

    async def single(self, position: Position, standing: Standing) -> Result:
        if isinstance(position.node, Block):
            return await self._block(position, position.node, standing)
        return await self._step(position, standing)

    async def _in_sequence(self, block: Position, count: int, standing: Standing) -> Result:
        total = Result(State.SUCCEEDED)
        for index in range(count):
            result = await self.node(block.below(index), standing)
            total = total.add(result)
            if total.stop:
                break
            if result.breaks:
                standing = standing.after_failure()
        return total

    async def _block(self, position: Position, block: Block, standing: Standing) -> Result:
        if block.transparent and not block.condition and block.timeout_s is None:
            return await self._body(position, block, standing)
        attempt = 1
        while True:
            here = position.as_attempt(attempt)
            result = await self._attempt_block(here, block, standing)
            if result.stop != "retry-step-group" or not is_retried(block):
                return result
            if result.worst in UNFORGIVEN:
                return replace(result, stop="")
            await self._rest(here, result.until)
            attempt += 1

    async def _attempt_block(self, here: Position, block: Block, standing: Standing) -> Result:
        entered = await self._legs(here.name, lambda: self._worker.enter(here, standing))
        if entered["state"] != State.RUNNING:
            return await self._undo_stage(here, Result.of(entered))
        inner = standing.inside(
            new_stage=block.kind == "stage",
            deadline=entered.get("deadline", ""),
            of=f"the {block.kind} {here.name}",
        )
        result = await self._body(here, block, inner)
        if result.stop == TIME_OVER and entered.get("deadline", "") == inner.deadline:
            judged = await self._run.step(f"{here.name}/time-over", lambda: self._worker.judge_time(here))
            result = result.after_time_over(judged)
        if result.stop == "stage-rollback" and block.kind == "stage":
            result = await self._roll_back(here, result)
        left = await self._legs(f"{here.name}/end", lambda: self._worker.leave(here, result))
        return await self._undo_stage(here, result.after_leaving(left))

    async def _undo_stage(self, position: Position, result: Result) -> Result:
        """Roll a stage back that failed at its beginning or its end, where it is to be: it then does not count as failed."""
        block = position.node
        if result.stop == "stage-rollback" and isinstance(block, Block) and block.kind == "stage":
            return await self._roll_back(position, result)
        return result

    async def _body(self, position: Position, block: Block, standing: Standing) -> Result:
        children = [position.below(index) for index in range(len(block.nodes))]
        if block.kind != "parallel":
            return await self._in_sequence(position, len(children), standing)
        forked = await self._run.step(f"{position.name}/fork", lambda: self._worker.fork(children))
        if forked["state"] != State.RUNNING:
            return Result.of(forked)
        result = await self._side_by_side(children, standing, limit=len(children), fail_fast=False)
        return await self._join(position, children, result)

    async def _cells(self, position: Position, standing: Standing) -> Result:
        strategy = position.node.strategy
        assert strategy is not None
        expanded = await self._legs(f"{position.name}/cells", lambda: self._worker.expand(position, standing))
        if expanded["state"] != State.RUNNING:
            return await self._undo_stage(position, Result.of(expanded))
        count = expanded["cells"]
        if strategy.kind in UNBOUNDED:
            result = await self._one_by_one(position, count, standing)
        else:
            cells = [position.in_cell(index) for index in range(count)]
            limit = expanded["max_parallel"] or count
            forked = await self._run.step(f"{position.name}/fork", lambda: self._worker.fork(cells))
            if forked["state"] != State.RUNNING:
                return Result.of(forked)
            result = await self._side_by_side(cells, standing, limit=limit, fail_fast=strategy.fail_fast)
            result = await self._join(position, cells, result)
        left = await self._legs(f"{position.name}/end", lambda: self._worker.leave(position, result))
        return result.after_leaving(left)

    async def _one_by_one(self, position: Position, most: int, standing: Standing) -> Result:
        """Rounds of a while or a window: each is asked for, and the first that fails is the last."""
        total = Result(State.SUCCEEDED)
        for index in range(most):
            cell = position.in_cell(index)
            again = await self._legs(
                f"{cell.name}/again", lambda here=cell: self._worker.again(here, standing)
            )
            if again["state"] != State.RUNNING:
                return total.add(Result.of(again)) if again["state"] != State.SUCCEEDED else total
            total = total.add(await self.single(cell, standing))
            if total.stop or total.breaks:
                break
        return total

    async def _side_by_side(
        self, children: Sequence[Position], standing: Standing, *, limit: int, fail_fast: bool
    ) -> Result:
        """Run branches, no more than `limit` at a time, each when what it needs has ended."""
        pending = list(children)
        running: dict[str, Position] = {}
        done: dict[str, Result] = {}
        total = Result(State.SUCCEEDED)
        while pending or running:
            while len(running) < limit and (ready := _find_ready(pending, done, children)) is not None:
                pending.remove(ready)
                refused = await self._hand_over(ready, children) or await self._goes_on(
                    ready, standing, limit
                )
                if refused is None:
                    running[ready.name] = ready
                    await self._run.branch(ready.name, _argument(ready, standing, children, done))
                    continue
                done[ready.node.id] = refused
                total = total.add(refused)
                if refused.stop or refused.fail_all or ready.cell is not None:
                    pending.clear()
            if not running:
                continue
            name, answer = await self._run.first(list(running))
            position, result = running.pop(name), Result.from_json(answer)
            done[position.node.id if position.cell is None else name] = result
            total = total.add(result)
            failed = (
                result.breaks or result.worst is not State.SUCCEEDED
            )  # what was rolled back has failed as well
            if result.stop or (failed and fail_fast) or (result.breaks and result.fail_all):
                pending.clear()
                if running:
                    await self._stop(name, list(running.values()))
        return total

    async def _hand_over(self, ready: Position, children: Sequence[Position]) -> Result | None:
        """Give a branch what those have made that it waited for; return its result when it cannot begin so."""
        needed = (
            [] if ready.cell is not None else [one for one in children if one.node.id in ready.node.needs]
        )
        if not needed:
            return None
        handed = await self._run.step(
            f"{ready.name}/hand-over", lambda: self._worker.hand_over(ready, needed)
        )
        return None if handed["state"] == State.RUNNING else Result.of(handed)

    async def _goes_on(self, cell: Position, standing: Standing, limit: int) -> Result | None:
        """Ask whether another cell of a loop is made that is one at a time; return what the loop came to when none is."""
        if cell.cell is None or limit != 1 or cell.cell < ROUNDS or not is_repeated(cell.node):
            return None
        answer = await self._legs(f"{cell.name}/goes-on", lambda: self._worker.goes_on(cell, standing))
        return None if answer["state"] == State.RUNNING else Result.of(answer)

    async def _stop(self, name: str, others: Sequence[Position]) -> None:
        await self._run.step(f"{name}/stops-others", lambda: self._worker.stop(others))

    async def _join(self, position: Position, children: Sequence[Position], result: Result) -> Result:
        joined = await self._run.step(f"{position.name}/join", lambda: self._worker.join(position, children))
        return result if joined["state"] == State.SUCCEEDED else result.add(Result.of(joined))

    async def _step(self, position: Position, standing: Standing) -> Result:
        attempt = 1
        while True:
            here = position.as_attempt(attempt)
            answer = await self._attempt(here, standing)
            if answer.get("reaction") != "retry":
                return Result.of(answer)
            await self._rest(here, str(answer.get("until", "")))
            attempt += 1

    async def _attempt(self, here: Position, standing: Standing) -> Answer:
        ended = await self._legs(here.path, lambda: self._worker.run_step(here, standing))
        if ended.get("reaction") != "manual-intervention":
            return ended
        return await self._legs(
            f"{here.path}/intervention", lambda: self._worker.intervene(here, standing, ended)
        )

    async def _rest(self, position: Position, until: str) -> None:
        """Wait until a time, or not at all when it is empty, however often the wait is disturbed."""
        if until:
            await self._legs(f"{position.path}/rest", lambda: self._worker.rest(position, until))

    async def _roll_back(self, position: Position, result: Result) -> Result:
        name = position.path or "pipeline"
        answer = await self._legs(f"{name}/rollback", lambda: self._worker.roll_back(position))
        return result.after_rollback(answer)

    async def _legs(self, name: str, work: Any) -> Answer:
        leg = 0
        while True:
            answer = await self._run.step(f"{name}#{leg}", work)
            if answer["state"] not in (State.WAITING, State.PAUSED):
                return answer
            await self._run.wait(timeout_s=answer["timeout_s"])
            leg += 1


def _find_ready(
    pending: Sequence[Position], done: Mapping[str, Result], children: Sequence[Position]
) -> Position | None:
    """Return the first branch whose needs among its siblings have all ended."""
    siblings = {child.node.id for child in children}
    for position in pending:
        needed = set(position.node.needs) & siblings if position.cell is None else set()
        if needed <= set(done):
            return position
    return None


def _argument(
    position: Position, standing: Standing, children: Sequence[Position], done: Mapping[str, Result]
) -> dict[str, Any]:
    """A branch begins as its block stands; what it needed and failed counts against it, however far back."""
    begun = standing.after_failure() if _is_broken(position, children, done) else standing
    return {
        "branch": {
            "position": position.to_json(),
            "standing": begun.to_json(),
            "cell": position.cell is not None,
        }
    }


def _is_broken(position: Position, children: Sequence[Position], done: Mapping[str, Result]) -> bool:
    """True when something that a branch waited for, or that this one waited for, has failed."""
    if position.cell is not None:
        return False
    needs = {child.node.id: child.node.needs for child in children}
    seen: set[str] = set()
    left = list(position.node.needs)
    while left:
        name = left.pop()
        if name in needs and name not in seen:
            seen.add(name)
            left += needs[name]
    return any(done[name].breaks for name in seen)
