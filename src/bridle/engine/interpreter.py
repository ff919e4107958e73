"""The interpreter: the one workflow, which walks a plan.

Rules
  1. The plan and the inputs are its argument: what happens to the file later changes nothing.
  2. It is a pure function of what its steps returned. It reads no clock, no file and no record; conditions that look at
     outputs are evaluated inside the steps.
  3. A step that waits for a person or for time returns `waiting`; the interpreter waits durably and then runs the same step
     again, as its next leg. Whether the wait is over is the step's own question.
  4. A step's failure is data. Unless its failure is ignored, the rest of its stage is not run, and later stages see a
     failed pipeline. A denial or an unknown outcome cannot be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridle.core.states import State
from bridle.engine.durable import Run
from bridle.pipeline.plan import Plan, Stage, Step

NEVER_IGNORED = frozenset({State.DENIED, State.UNKNOWN})


@dataclass
class Progress:
    """What is known so far: states by stage, and by step path the state and the record that holds its output."""

    stages: dict[str, str] = field(default_factory=dict)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: bool = False
    stage_failed: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "stages": dict(self.stages),
            "steps": dict(self.steps),
            "failed": self.failed,
            "stage_failed": self.stage_failed,
        }


class StepWorker(Protocol):
    """Does the work of steps; everything it returns is small and free of content."""

    async def enter_stage(self, stage: Stage, progress: Progress) -> dict[str, Any]:
        """Evaluate the stage's condition; return `{"state": "running"}`, or `skipped` or `failed` when it is left out."""
        ...

    async def run_step(self, stage: Stage, step: Step, progress: Progress) -> dict[str, Any]:
        """Run one leg; return `{"state", "note", "record"}`, or `{"state": "waiting", "topic", "timeout_s"}`."""
        ...

    async def finish(self, progress: Progress) -> dict[str, Any]:
        """Record the end of the execution; return `{"state", "note"}`."""
        ...


async def interpret(run: Run, plan: Plan, worker: StepWorker) -> dict[str, Any]:
    """Walk the plan and return the execution's final `{"state", "note"}`."""
    progress = Progress()
    for stage in plan.stages:
        progress.stages[stage.id] = str(await _run_stage(run, stage, worker, progress))
    return await run.step("end", lambda: worker.finish(progress))


async def _run_stage(run: Run, stage: Stage, worker: StepWorker, progress: Progress) -> State:
    progress.stage_failed = False
    entered = await run.step(stage.id, lambda: worker.enter_stage(stage, progress))
    if entered["state"] != State.RUNNING:
        progress.failed = progress.failed or entered["state"] == State.FAILED
        return State(entered["state"])
    ending = State.SUCCEEDED
    for step in stage.steps:
        answer = await _run_step(run, stage, step, worker, progress)
        state = State(answer["state"])
        progress.steps[f"{stage.id}/{step.id}"] = {"state": str(state), "record": answer["record"]}
        if _breaks(state, answer):
            progress.failed = progress.stage_failed = True
            ending = state if ending is State.SUCCEEDED else ending
    return ending


async def _run_step(
    run: Run, stage: Stage, step: Step, worker: StepWorker, progress: Progress
) -> Mapping[str, Any]:
    leg = 0
    while True:
        answer = await run.step(f"{stage.id}/{step.id}#{leg}", lambda: worker.run_step(stage, step, progress))
        if answer["state"] != State.WAITING:
            return answer
        await run.wait(answer["topic"], timeout_s=answer["timeout_s"])
        leg += 1


def _breaks(state: State, answer: Mapping[str, Any]) -> bool:
    if state in NEVER_IGNORED:
        return True
    return state not in (State.SUCCEEDED, State.SKIPPED) and not answer.get("ignored", False)
