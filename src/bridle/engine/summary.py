"""What an execution has come to, folded from its journal records. Every surface shows this one view.

Pure: the same records give the same summary, in whatever process they are read, while it runs or years after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridle.core.canonical import Json
from bridle.core.clock import from_iso
from bridle.core.states import State
from bridle.engine.execution import Execution
from bridle.engine.proof import sum_cost
from bridle.trust.journal import Kind, Record

HARNESS_TOOLS = frozenset(
    {"model.call", "workspace.verify"}
)  # made by the harness, in or beside an agent's turn
PLAYED = ("recorded:", "scripted:")


@dataclass
class ActionView:
    """One action: who wanted what, and what became of it. `effect` is allow, ask or deny; `status` the outcome's."""

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


@dataclass
class StepView:
    """One step of the plan with its actions."""

    path: str
    kind: str
    state: State = State.PENDING
    note: str = ""
    started_at: str = ""
    ended_at: str = ""
    output: Json = None
    actions: list[ActionView] = field(default_factory=list)


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
            "stages": {stage: [vars_of(step) for step in steps] for stage, steps in self.stages.items()},
            "refused": [vars_of(action) for action in self.refused],
            "stopped": [vars_of(action) for action in self.stopped],
        }


def vars_of(view: StepView | ActionView) -> dict[str, Any]:
    """Return a view as plain data."""
    plain = dict(vars(view))
    if isinstance(view, StepView):
        plain["state"] = str(view.state)
        plain["actions"] = [vars_of(action) for action in view.actions]
    return plain


def summarise(execution: Execution, records: Sequence[Record]) -> Summary:
    """Fold the records of one execution, in order."""
    stages = execution.plan["stages"]
    assert isinstance(stages, Sequence)
    summary = Summary(
        execution=execution.id,
        pipeline=execution.pipeline,
        state=execution.state,
        note=execution.note,
        stages={str(stage["id"]): list(_steps(stage)) for stage in _mappings(stages)},
    )
    steps = {step.path: step for group in summary.stages.values() for step in group}
    for record in records:
        reader = _READERS.get(record.kind)
        if reader is not None:
            reader(summary, steps, record)
    summary.cost = sum_cost(records)
    return summary


def elapsed_s(summary: Summary, *, until: str) -> float:
    """Return the seconds from the start to the end, or to `until` while there is none."""
    if not summary.started_at:
        return 0.0
    end = summary.ended_at or until
    return (from_iso(end) - from_iso(summary.started_at)).total_seconds()


def _steps(stage: Mapping[str, Any]) -> Iterable[StepView]:
    for step in stage["steps"]:
        yield StepView(f"{stage['id']}/{step['id']}", step["kind"])


def _started(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    summary.started_at = record.at
    summary.sandbox = _mapping(record.body["sandbox"])


def _ended(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    summary.state, summary.ended_at = State(str(record.body["state"])), record.at


def _step_started(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    step = steps[record.subject]
    step.state, step.started_at = State.RUNNING, record.at


def _step_ended(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    step = steps[record.subject]
    step.state, step.note = State(str(record.body["state"])), str(record.body["note"])
    step.output, step.ended_at = record.body["output"], record.at


def _stage_ended(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    for step in summary.stages[record.subject]:
        step.state, step.note = State(str(record.body["state"])), str(record.body["note"])


def _decided(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    request = _mapping(record.body["request"])
    path = record.subject.removeprefix(f"{record.execution}/").partition("#")[0]
    action = ActionView(
        key=record.subject,
        step=path,
        tool=str(request["tool"]),
        principal=str(request["principal"]),
        target=describe_target(_mapping(request["arguments"])),
        effect=str(record.body["effect"]),
    )
    rules = record.body["rules"]
    assert isinstance(rules, Sequence)
    action.rule = str(_mapping(rules[0])["rule"])
    action.reason = " ".join(str(rule["reason"]) for rule in _mappings(rules))
    model = _mapping(request["arguments"]).get("model")
    if action.tool == "model.call" and isinstance(model, str) and model not in summary.models:
        summary.models.append(model)
    known = [index for index, other in enumerate(steps[path].actions) if other.key == action.key]
    if known:
        steps[path].actions[known[0]] = action
    else:
        steps[path].actions.append(action)


def _outcome(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    path = record.subject.removeprefix(f"{record.execution}/").partition("#")[0]
    for action in steps[path].actions:
        if action.key == record.subject:
            action.status = str(record.body["status"])
            action.note = _failure(record.body["value"]) if action.status != "succeeded" else ""


def _requested(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    body = record.body
    summary.approvals.append(
        {
            "id": record.subject,
            "tool": body["tool"],
            "step": body["topic"],
            "message": body["message"],
            "expires_at": body["expires_at"],
            "verdict": "",
            "by": "",
            "name": "",
            "asserted": False,
        }
    )
    topic = str(body["topic"])
    if topic in steps and not steps[topic].state.ended:
        steps[topic].state = State.WAITING


def _verdict(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    for approval in summary.approvals:
        if approval["id"] == record.subject:
            approval.update({name: record.body[name] for name in ("verdict", "by", "name", "asserted")})


def _evidence(summary: Summary, steps: dict[str, StepView], record: Record) -> None:
    summary.evidence = record.id


_READERS = {
    Kind.EXECUTION_STARTED: _started,
    Kind.EXECUTION_ENDED: _ended,
    Kind.STEP_STARTED: _step_started,
    Kind.STEP_ENDED: _step_ended,
    Kind.STAGE_ENDED: _stage_ended,
    Kind.DECIDED: _decided,
    Kind.OUTCOME: _outcome,
    Kind.APPROVAL_REQUESTED: _requested,
    Kind.APPROVAL_VERDICT: _verdict,
    Kind.EVIDENCE_ISSUED: _evidence,
}


def describe_target(arguments: Mapping[str, Json]) -> str:
    """Return in a few words what an action is about."""
    for name in ("path", "branch", "repository", "pattern", "script", "model", "tree"):
        value = arguments.get(name)
        if isinstance(value, str):
            return " ".join(value.split())[:80]
    return ""


def _failure(value: Json) -> str:
    """The last line of what a failed action said."""
    if not isinstance(value, Mapping):
        return str(value)
    if value.get("error"):
        return str(value["error"])
    if value.get("why", "exit") != "exit":
        return f"stopped: {value['why']}"
    if isinstance(value.get("report"), Mapping):
        return ""  # a red suite is a result, not a refusal
    lines = f"{value.get('stdout', '')}\n{value.get('stderr', '')}".split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else f"exit code {value.get('exit_code')}"


def _mapping(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, Mapping)
    return value


def _mappings(values: Sequence[Json]) -> list[Mapping[str, Json]]:
    return [_mapping(value) for value in values]
