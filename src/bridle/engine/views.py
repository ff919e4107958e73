"""What a surface shows of an execution: the execution, its steps, their actions. Plain data; `summary` fills it from records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridle.core.canonical import Json
from bridle.core.clock import from_iso
from bridle.core.notes import split_note
from bridle.core.states import State

PLAYED = ("recorded:", "scripted:")


@dataclass
class ActionView:
    """One action: who wanted what, and what became of it. `effect` is allow, ask or deny; `status` the outcome's.

    `time` is which time the same is done to the same target, where that makes it a loop; else 0.
    """

    key: str
    step: str
    tool: str
    principal: str
    target: str
    effect: str = ""
    rule: str = ""
    reason: str = ""
    status: str = ""
    note: str = ""
    time: int = 0


@dataclass
class StepView:
    """One step of the plan with its actions. `name` is what its cells are called, where their strategy says so, `next` what to do
    about how it ended, where that is known."""

    path: str
    kind: str
    state: State = State.PENDING
    note: str = ""
    next: str = ""
    started_at: str = ""
    ended_at: str = ""
    output: Json = None
    actions: list[ActionView] = field(default_factory=list)
    cost: dict[str, Json] = field(default_factory=dict)
    name: str = ""

    def tell(self, state: State, note: str) -> None:
        """Set how it stands, and the note about that."""
        self.state, (self.note, self.next) = state, split_note(note)

    @property
    def title(self) -> str:
        """Return the path, with what its cells are called."""
        return f"{self.path} ({self.name})" if self.name else self.path


@dataclass
class Summary:
    """One execution. `refused` are denials by rule, `stopped` are an agent's commands that the sandbox made fail."""

    execution: str
    pipeline: str
    state: State
    note: str
    stages: dict[str, list[StepView]]
    models: list[str] = field(default_factory=list)
    approvals: list[dict[str, Json]] = field(default_factory=list)
    interventions: list[dict[str, Json]] = field(default_factory=list)
    evidence: str = ""
    started_at: str = ""
    ended_at: str = ""
    cost: dict[str, Json] = field(default_factory=dict)
    sandbox: Mapping[str, Json] = field(default_factory=dict)

    @property
    def actions(self) -> list[ActionView]:
        return [action for steps in self.stages.values() for step in steps for action in step.actions]

    @property
    def refused(self) -> list[ActionView]:
        return [action for action in self.actions if action.effect == "deny"]

    @property
    def repeated(self) -> list[ActionView]:
        return [action for action in self.actions if action.time]

    @property
    def stopped(self) -> list[ActionView]:
        return [
            action
            for action in self.actions
            if action.tool == "command.run" and action.principal.startswith("agent:") and action.note
        ]

    @property
    def played(self) -> bool:
        """True when a model's turns came from a file: said wherever its name is shown."""
        return any(model.startswith(PLAYED) for model in self.models)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return {
            "execution": self.execution,
            "pipeline": self.pipeline,
            "state": str(self.state),
            "note": self.note,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "models": self.models,
            "recorded": self.played,
            "cost": self.cost,
            "sandbox": self.sandbox,
            "evidence": self.evidence,
            "approvals": self.approvals,
            "interventions": self.interventions,
            "stages": {stage: [vars_of(step) for step in steps] for stage, steps in self.stages.items()},
            "refused": [vars_of(action) for action in self.refused],
            "repeated": [vars_of(action) for action in self.repeated],
            "stopped": [vars_of(action) for action in self.stopped],
        }


def vars_of(view: StepView | ActionView) -> dict[str, Any]:
    """Return a view as plain data."""
    plain = dict(vars(view))
    if isinstance(view, StepView):
        plain["state"] = str(view.state)
        plain["actions"] = [vars_of(action) for action in view.actions]
    return plain


def elapsed_s(summary: Summary, *, until: str) -> float:
    """Return the seconds from the start to the end, or to `until` while there is none."""
    if not summary.started_at:
        return 0.0
    end = summary.ended_at or until
    return (from_iso(end) - from_iso(summary.started_at)).total_seconds()
