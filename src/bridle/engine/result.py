"""How a node came out, and what the nodes after it make of that. Small and free of content: it passes through the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bridle.core.states import State

WORST_FIRST = (State.UNKNOWN, State.DENIED, State.EXPIRED, State.FAILED, State.CANCELLED)
_GRAVITY = {state: rank for rank, state in enumerate(reversed(WORST_FIRST), start=1)}
FORGIVEN = frozenset({"ignore", "success", "proceed-with-default"})
UNFORGIVEN = frozenset(
    {State.DENIED, State.UNKNOWN}
)  # neither forgiven nor tried again, whatever failed beside it
STOPS = frozenset({"abort", "stage-rollback", "pipeline-rollback", "retry-step-group"})
CANCEL = "cancel"
TIME_OVER = "time-over"


@dataclass(frozen=True)
class Standing:
    """How things stand before a node: what its status words mean, and until when it may run (ISO 8601, or empty), and
    whose `timeout` that is."""

    failed: bool = False
    stage_failed: bool = False
    deadline: str = ""
    deadline_of: str = ""

    def after_failure(self) -> Standing:
        return replace(self, failed=True, stage_failed=True)

    def inside(self, *, new_stage: bool, deadline: str, of: str = "") -> Standing:
        """Return how things stand inside a block; a stage begins without failures of its own."""
        begun = replace(self, stage_failed=False) if new_stage else self
        if not deadline or (self.deadline and self.deadline <= deadline):
            return begun
        return replace(begun, deadline=deadline, deadline_of=of)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Result:
    """`breaks`: it counts as a failure for what follows. `stop`: what somebody further up has to do. `worst`: the gravest
    state that counted below it, which is what the whole comes to, even where a rollback has mended it. `until`: when a group is
    to be tried again."""

    state: State
    breaks: bool = False
    stop: str = ""
    worst: State = State.SUCCEEDED
    fail_all: bool = False
    until: str = ""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Result:
        """Read the answer of an operation."""
        state = State(answer["state"])
        reaction = str(answer.get("reaction", ""))
        fine = state in (State.SUCCEEDED, State.SKIPPED, State.RUNNING) or reaction in FORGIVEN
        stop = str(answer.get("stop", "")) or (reaction if reaction in STOPS else "")
        return cls(
            state,
            breaks=not fine,
            stop=stop,
            worst=State.SUCCEEDED if fine else state,
            fail_all=bool(answer.get("fail_all", False)),
            until=str(answer.get("until", "")),
        )

    def add(self, other: Result) -> Result:
        """Return the two as one: the graver state counts, the first stop stands."""
        return Result(
            graver(self.state, other.worst) if other.breaks else self.state,
            breaks=self.breaks or other.breaks,
            stop=self.stop or other.stop,
            worst=graver(self.worst, other.worst),
            fail_all=self.fail_all or other.fail_all,
            until=self.until or other.until,
        )

    def after_leaving(self, left: Mapping[str, Any]) -> Result:
        """Return the result of a block whose end has been recorded: an end that failed makes it fail."""
        left_result = Result.of(left)
        return self.add(left_result) if left_result.breaks else self

    def after_time_over(self, judged: Mapping[str, Any]) -> Result:
        """Return the result of a block whose own time was over; what is around it goes on by its failure strategy.

        What was denied in it, or has an unknown outcome, is not forgiven with it.
        """
        reaction = str(judged["reaction"])
        if reaction in FORGIVEN and self.worst not in UNFORGIVEN:
            return Result(State.FAILED if reaction == "ignore" else State.SUCCEEDED)
        stop = reaction if reaction in STOPS else ""
        until = str(judged.get("until", ""))
        return replace(self, breaks=True, worst=graver(self.worst, State.FAILED), stop=stop, until=until)

    def after_rollback(self, answer: Mapping[str, Any]) -> Result:
        """A stage that was rolled back does not count as failed for what follows; one whose rollback failed does."""
        undone = State(answer["state"]) is State.SUCCEEDED
        stop = (
            CANCEL
            if answer.get("stop") == CANCEL
            else ""
            if undone or self.stop == "stage-rollback"
            else "abort"
        )
        return replace(self, breaks=not undone, stop=stop)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "state": str(self.state), "worst": str(self.worst)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        return cls(**{**data, "state": State(data["state"]), "worst": State(data["worst"])})


def graver(one: State, other: State) -> State:
    """Return the graver of two states; whatever is no failure is not grave at all."""
    return max(one, other, key=lambda state: _GRAVITY.get(state, 0))
