"""The worker port: the operations of the interpreter that touch the world. Each is one step of a workflow.

An Answer is small and free of content: `{"state", …}` with, where it applies, `record` (the id that holds the output),
`reaction` (of the failure strategy), `until`, `stop`, `deadline`, `cells`, `max_parallel`, `timeout_s` (with `waiting` or
`paused`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from bridle.engine.position import Position
from bridle.engine.result import Result, Standing

Answer: TypeAlias = dict[str, Any]


class Worker(Protocol):
    """Works on one execution. Everything here is idempotent: what the journal knows is answered from it."""

    async def begin(self, root: Position) -> Answer:
        """Evaluate the pipeline's own condition and time."""
        ...

    async def enter(self, position: Position, standing: Standing) -> Answer:
        """Begin a block: `running`, or what it came to without being run."""
        ...

    async def leave(self, position: Position, result: Result) -> Answer:
        """End a block, or a node with a strategy: evaluate its outputs and record its state."""
        ...

    async def judge_time(self, position: Position) -> Answer:
        """Say what the failure strategy makes of a block whose time was over."""
        ...

    async def expand(self, position: Position, standing: Standing) -> Answer:
        """Turn a strategy into cells."""
        ...

    async def again(self, cell: Position, standing: Standing) -> Answer:
        """Say whether another round of a loop follows: `running`, or `succeeded` when it is over."""
        ...

    async def goes_on(self, cell: Position, standing: Standing) -> Answer:
        """Say whether a loop by number makes another round, after rounds that changed nothing: `running`, or `succeeded`."""
        ...

    async def fork(self, children: Sequence[Position]) -> Answer:
        """Give each branch its own workspace."""
        ...

    async def hand_over(self, child: Position, needed: Sequence[Position]) -> Answer:
        """Put what the branches have made that a branch waited for into its workspace: `running`, or how that failed."""
        ...

    async def join(self, position: Position, children: Sequence[Position]) -> Answer:
        """Bring the branches' workspaces together."""
        ...

    async def stop(self, branches: Sequence[Position]) -> Answer:
        """Have branches end at their next leg."""
        ...

    async def run_step(self, position: Position, standing: Standing) -> Answer:
        """Run one leg of a step."""
        ...

    async def rest(self, position: Position, until: str) -> Answer:
        """Say whether the time before another attempt is over."""
        ...

    async def intervene(self, position: Position, standing: Standing, answer: Answer) -> Answer:
        """Ask a person what becomes of a failed step, or say what they answered."""
        ...

    async def roll_back(self, position: Position) -> Answer:
        """Undo a stage, or all of them, in an execution of its own, and say how that ended."""
        ...

    async def finish(self, result: Result) -> Answer:
        """Record the end of the execution; return `{"state", "note"}`."""
        ...
