"""What an execution has come to, folded from its journal records. Every surface shows this one view.

Pure: the same records give the same summary, in whatever process they are read, while it runs or years after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json, as_mapping
from bridle.core.states import State
from bridle.engine.execution import Execution
from bridle.engine.listing import Listing
from bridle.engine.proof import sum_cost
from bridle.engine.views import ActionView, Summary
from bridle.engine.wording import describe_failure, describe_target
from bridle.gate.loops import is_loop
from bridle.trust.journal import Kind, Record
from bridle.trust.quorum import CONTROL_PLANE
from bridle.trust.verdicts import name_voter

WAITS = frozenset(
    {"wait", "barrier", "queue"}
)  # such a step does nothing else between its beginning and its end


def summarise(execution: Execution, records: Sequence[Record]) -> Summary:
    """Fold the records of one execution, in order."""
    stages = execution.plan["stages"]
    assert isinstance(stages, Sequence)
    steps = Listing(_mappings(stages))
    summary = Summary(
        execution=execution.id,
        pipeline=execution.pipeline,
        state=execution.state,
        note=execution.note,
        stages=steps.stages,
    )
    for record in records:
        reader = _READERS.get(record.kind)
        if reader is not None:
            reader(summary, steps, record)
    steps.sort()
    summary.cost = sum_cost(records)
    for path, own in _calls_by_step(records).items():
        steps[path].cost = sum_cost(own)
    return summary


def _calls_by_step(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the outcomes of model calls by the step that made them: each agent's, each cell's."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.kind is Kind.OUTCOME and record.body.get("tool") == "model.call":
            found.setdefault(_step_of(record), []).append(record)
    return found


def _step_of(record: Record) -> str:
    return record.subject.removeprefix(f"{record.execution}/").partition("#")[0]


def _started(summary: Summary, steps: Listing, record: Record) -> None:
    summary.started_at = record.at
    summary.sandbox = as_mapping(record.body["sandbox"])


def _ended(summary: Summary, steps: Listing, record: Record) -> None:
    """What an execution that was cancelled or aborted did not come to is skipped, as it is in a block that was cut short."""
    summary.state, summary.ended_at = State(str(record.body["state"])), record.at
    note = "not begun: cancelled" if summary.state is State.CANCELLED else steps.tell_cut("")
    for step in steps.values():
        if step.state is State.PENDING:
            step.tell(State.SKIPPED, note)
        elif step.state in (State.RUNNING, State.WAITING) and summary.state is State.CANCELLED:
            step.tell(State.CANCELLED, "the execution was cancelled")


def _step_started(summary: Summary, steps: Listing, record: Record) -> None:
    step = steps.show(record.subject)
    step.state, step.started_at = State.WAITING if step.kind in WAITS else State.RUNNING, record.at


def _step_ended(summary: Summary, steps: Listing, record: Record) -> None:
    step = steps.show(record.subject)
    step.tell(State(str(record.body["state"])), str(record.body["note"]))
    step.output, step.ended_at = record.body["output"], record.at
    if step.state not in (State.SUCCEEDED, State.SKIPPED) and not record.body.get("ignored"):
        steps.cuts.append((record.subject, step.state))


def _block_started(summary: Summary, steps: Listing, record: Record) -> None:
    steps.expand(record.subject, record.body)


def _block_ended(summary: Summary, steps: Listing, record: Record) -> None:
    """What stands in a block that was left out is as the block is; what a block that was cut short did not come to is skipped.

    A block that failed at its own end has no step that says so, and is shown itself.
    """
    body = record.body
    left_out = bool(body.get("left_out", False))
    state, note = State(str(body["state"])), str(body["note"])
    covers = body.get("covers", [record.subject])  # a block without a name says what stands in it
    assert isinstance(covers, Sequence)
    cut = steps.tell_cut(record.subject) or (f"not begun: {note}" if note else "")
    told = steps.end([str(path) for path in covers], *((state, note) if left_out else (State.SKIPPED, cut)))
    if (left_out and not told) or body.get("shown"):
        view = steps.show(record.subject)
        view.tell(state, note)


def _decided(summary: Summary, steps: Listing, record: Record) -> None:
    request = as_mapping(record.body["request"])
    path = _step_of(record)
    action = ActionView(
        key=record.subject,
        step=path,
        tool=str(request["tool"]),
        principal=str(request["principal"]),
        target=describe_target(as_mapping(request["arguments"])),
        effect=str(record.body["effect"]),
    )
    rules = record.body["rules"]
    assert isinstance(rules, Sequence)
    action.rule = str(as_mapping(rules[0])["rule"])
    action.reason = " ".join(str(rule["reason"]) for rule in _mappings(rules))
    loop = as_mapping(record.body["facts"]).get("loop")
    action.time = int(str(as_mapping(loop)["times"])) if is_loop(loop) else 0
    model = as_mapping(request["arguments"]).get("model")
    if action.tool == "model.call" and isinstance(model, str) and model not in summary.models:
        summary.models.append(model)
    known = [index for index, other in enumerate(steps[path].actions) if other.key == action.key]
    if known:
        steps[path].actions[known[0]] = action
    else:
        steps[path].actions.append(action)


def _outcome(summary: Summary, steps: Listing, record: Record) -> None:
    path = _step_of(record)
    for action in steps[path].actions:
        if action.key == record.subject:
            action.status = str(record.body["status"])
            action.note = describe_failure(record.body["value"]) if action.status != "succeeded" else ""


def _requested(summary: Summary, steps: Listing, record: Record) -> None:
    body = record.body
    terms = as_mapping(body.get("terms") or {"minimum": 1})
    summary.approvals.append(
        {
            "id": record.subject,
            "tool": body["tool"],
            "step": body["topic"],
            "message": body["message"],
            "expires_at": body["expires_at"],
            "minimum": terms["minimum"],
            "inputs": [
                name for name, spec in as_mapping(terms.get("inputs") or {}).items() if _is_wanted(spec)
            ],
            "approvers": [],
            "verdict": "",
            "by": "",
            "name": "",
            "asserted": False,
        }
    )
    topic = str(body["topic"])
    if topic in steps and not steps[topic].state.ended:
        steps[topic].state = State.WAITING


def _is_wanted(spec: Json) -> bool:
    """True for an input of an approval that has to be filled in."""
    fields = as_mapping(spec)
    return fields["required"] is True and fields["default"] is None


def _verdict(summary: Summary, steps: Listing, record: Record) -> None:
    """Count one word. The verdict is there when enough have approved, one has denied, or the default holds."""
    voter = name_voter(record.body)
    for approval in summary.approvals:
        if approval["id"] != record.subject:
            continue
        given, said = approval["approvers"], str(record.body["verdict"])
        assert isinstance(given, list)
        given[:] = [name for name in given if name != voter] + ([voter] if said == "approved" else [])
        enough = len(given) >= int(str(approval["minimum"])) or voter == CONTROL_PLANE
        decided = said == "denied" or (said == "approved" and enough)
        told = {"by": voter, **{name: record.body[name] for name in ("name", "asserted")}}
        approval.update({**told, "verdict": said if decided else ""})


def _questioned(summary: Summary, steps: Listing, record: Record) -> None:
    asked = {name: record.body[name] for name in ("offers", "expires_at")}
    summary.interventions.append({"step": record.subject, **asked, "answer": "", "by": ""})
    steps.show(record.subject).state = State.WAITING


def _intervened(summary: Summary, steps: Listing, record: Record) -> None:
    told = {name: record.body[name] for name in ("answer", "by")}
    for intervention in summary.interventions:
        if intervention["step"] == record.subject:
            intervention.update(told)


def _evidence(summary: Summary, steps: Listing, record: Record) -> None:
    summary.evidence = record.id


_READERS = {
    Kind.EXECUTION_STARTED: _started,
    Kind.EXECUTION_ENDED: _ended,
    Kind.STEP_STARTED: _step_started,
    Kind.STEP_ENDED: _step_ended,
    Kind.BLOCK_STARTED: _block_started,
    Kind.BLOCK_ENDED: _block_ended,
    Kind.DECIDED: _decided,
    Kind.OUTCOME: _outcome,
    Kind.APPROVAL_REQUESTED: _requested,
    Kind.APPROVAL_VERDICT: _verdict,
    Kind.INTERVENTION_REQUESTED: _questioned,
    Kind.INTERVENTION_ANSWERED: _intervened,
    Kind.EVIDENCE_ISSUED: _evidence,
}


def _mappings(values: Sequence[Json]) -> list[Mapping[str, Json]]:
    return [as_mapping(value) for value in values]
