"""Chooses what the failure strategy makes of an attempt that ended: once, and recorded with its end.

The rules themselves are `pipeline.failure`; the waits that follow from the choice are `reactions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bridle.core.canonical import Json
from bridle.core.clock import iso
from bridle.core.states import State
from bridle.engine.desk import Desk
from bridle.engine.position import Position
from bridle.engine.starting import derive_id, rollback_path
from bridle.engine.steps import Ended
from bridle.pipeline.conditions import DEFAULT_OF_STEP, evaluate_condition
from bridle.pipeline.failure import FAIL, FailureAction, choose_action, follow, restrict

_NOTES: Mapping[str, str] = {
    "ignore": "failure ignored",
    "success": "marked as succeeded by its failure strategy",
    "proceed-with-default": "nobody answered in time; it goes on with its defaults",
    "retry": "attempt {attempt} of {attempts}",
    "retry-step-group": "its group is tried again after attempt {attempt} of {attempts}",
    "abort": "the execution is aborted",
    "stage-rollback": "what the stage did is undone by {rollback}",
    "pipeline-rollback": "what the pipeline did is undone by {rollback}",
    "manual-intervention": "a person decides what becomes of it",
}


@dataclass(frozen=True)
class Choosing:
    """One attempt's end, before it is known what follows from it."""

    desk: Desk
    position: Position

    async def choose(self, ended: Ended) -> tuple[FailureAction, str]:
        """Return what follows, and the note that says so."""
        if not has_failed(ended):
            return FAIL, ""
        error = "verification" if self._is_verification() and ended.error == "unknown" else ended.error
        chosen = choose_action(
            self.position.failure_levels(),
            state=ended.state,
            error=error or "unknown",
            attempt=self.position.attempt,
            group_attempt=self.position.group_attempt(),
        )
        if chosen.reaction == "retry" and not await self._may_retry(chosen, ended):
            chosen = restrict(self._follow(chosen), state=ended.state, error=error or "unknown")
        return chosen, _NOTES.get(chosen.reaction, "").format(
            attempt=self._attempt_of(chosen),
            attempts=chosen.attempts + 1,
            rollback=self._name_rollback(chosen.reaction),
        )

    def _follow(self, action: FailureAction) -> FailureAction:
        attempts = self.position.attempt, self.position.group_attempt()
        return follow(action, attempt=attempts[0], group_attempt=attempts[1])

    def _attempt_of(self, action: FailureAction) -> int:
        """Return the attempt that an action counts: the step's, or its group's."""
        group_attempt = self.position.group_attempt() if action.reaction == "retry-step-group" else None
        return group_attempt or self.position.attempt

    def _name_rollback(self, reaction: str) -> str:
        """Return which execution undoes the stage, or the pipeline."""
        stage = self.position.stage()
        if reaction == "stage-rollback" and stage is not None:
            return derive_id(self.desk.execution.id, rollback_path(stage.path))
        return derive_id(self.desk.execution.id, rollback_path(""))

    def _is_verification(self) -> bool:
        strategies = (level.node.strategy for level in self.position.levels())
        return any(strategy is not None and strategy.kind == "window" for strategy in strategies)

    async def _may_retry(self, action: FailureAction, ended: Ended) -> bool:
        """Ask a retry's own condition, which sees the attempt's output as `step`."""
        if not action.condition:
            return True
        context = await self.desk.context(self.position)
        output = ended.output if isinstance(ended.output, Mapping) else {}
        own = {
            **output,
            "id": self.position.node.id,
            "name": self.position.node.name,
            "exitCode": output.get("exit_code"),
        }
        wanted = evaluate_condition(
            action.condition,
            {**context, "step": own},
            pipeline_failed=False,
            stage_failed=False,
            default=DEFAULT_OF_STEP,
        )
        return wanted.value

    def describe(self, action: FailureAction) -> dict[str, Json]:
        """Return what the record of the end says of it."""
        told: dict[str, Json] = {"reaction": action.reaction}
        if wait_s := action.interval_s(self._attempt_of(action)):
            told["until"] = iso(self.desk.now() + timedelta(seconds=wait_s))
        if action.reaction == "manual-intervention":
            told |= {
                "offers": list(action.offers),
                "timeout_s": action.timeout_s,
                "then": self._follow(action).reaction,
            }
            if action.approvers:
                told["approvers"] = {name: list(names) for name, names in action.approvers.items()}
        if action.fail_all:
            told["fail_all"] = True
        return told


def has_failed(ended: Ended) -> bool:
    """True when an attempt neither succeeded nor was left out."""
    return ended.state not in (State.SUCCEEDED, State.SKIPPED)
