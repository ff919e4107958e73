"""What a plan refers to outside its file: agents, tools and a model, looked up before anything starts.

Rules
  1. Every fault is reported at once, with the place of its step.
  2. Agents are sought where the engine seeks them, in the same order.
  3. Inputs and arguments are compared by name: a value may be an expression, and is known only during the run. So is a
     reference that is an expression itself.
  4. A tool that only the harness performs is no step: its result would rest on nothing the harness has seen.
  5. A draft is refused beside what only approved text may do.
  6. A model's name is checked for its form; whether it can answer is another matter (surfaces.cli.models).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bridle.agent.definition import AgentInput
from bridle.agent.inline import find_agent
from bridle.core.clock import SystemClock, from_iso
from bridle.core.errors import InputError
from bridle.engine.drafts import is_harmless, refuse_drafts
from bridle.engine.steps.agent import NOT_INPUTS
from bridle.engine.steps.approval import LEAD
from bridle.gate.manifest import builtin_manifests
from bridle.pipeline.complaint import Findings, PipelineError, Place, suggest
from bridle.pipeline.plan import Plan
from bridle.pipeline.tree import Step, walk
from bridle.surfaces.cli.inputs import split_runtime
from bridle.surfaces.cli.locking import read_locked
from bridle.surfaces.cli.models import check_model, is_expression
from bridle.trust.people import Person

HARNESS_TOOLS = frozenset(  # performed by the harness itself: in or beside an agent's turn, around branches, for an approval
    {
        "model.call",
        "command.start",
        "command.stop",
        "workspace.verify",
        "workspace.fork",
        "workspace.merge",
        "workspace.drop",
        "workspace.restore",
        "pipeline.continue",
        "pipeline.save",
        "pipeline.begin",
        "pipeline.step",
        "session.begin",
    }
)


def read_referring(path: Path, text: str, *, given: Sequence[str], roots: Sequence[Path]) -> Plan:
    """Read a pipeline's text and check what it refers to; raise PipelineError with the faults of both at once."""
    try:
        plan = read_locked(text, source=str(path), folder=path.parent, runtime=split_runtime(given))
    except PipelineError as error:
        if error.partial is None:
            raise
        findings = Findings(list(error.complaints))
        _look_up(error.partial, roots, findings)
        findings.raise_if_any()
        raise AssertionError("an error has complaints") from error
    check_references(plan, roots=roots)
    return plan


def check_references(plan: Plan, *, roots: Sequence[Path]) -> None:
    """Raise PipelineError with everything that the plan refers to and that is not there or does not fit."""
    refuse_drafts(plan)
    findings = Findings()
    _look_up(plan, roots, findings)
    findings.raise_if_any()


def _look_up(plan: Plan, roots: Sequence[Path], findings: Findings) -> None:
    for step in (node for _, node in walk(plan.stages) if isinstance(node, Step) and node.with_):
        check = _CHECKS.get(step.kind)
        if check is not None and not is_expression(step.with_.get("uses")):
            check(step, roots, findings)
        if plan.drafts and step.kind == "agent":
            _refuse_beside_drafts(step, plan, roots, findings)


def warn_of_approvers(plan: Plan, people: Sequence[Person]) -> list[str]:
    """Say which approvals nobody known here could give; nothing while no people are known. They may come before it is asked."""
    found = []
    for step in (node for _, node in walk(plan.stages) if people and node.kind == "approval"):
        wanted = vars(step)["with_"]["with"]
        if not isinstance(wanted, Mapping) or "min_count" not in wanted:
            continue
        further = wanted.get("escalation") or {}
        named = {
            "user": {*wanted["users"], *further.get("users", ())},
            "group": {*wanted["groups"], *further.get("groups", ())},
        }
        known = {
            "user": {one.name for one in people},
            "group": {name for one in people for name in one.groups},
        }
        for what, names in named.items():
            unknown = [name for name in sorted(names - known[what]) if not is_expression(name)]
            found += [
                f"{step.place}: no {what} {name!r} is known here; see bridle people" for name in unknown
            ]
        if any(is_expression(name) for names in (*named.values(), wanted["attributes"]) for name in names):
            continue
        able = sum(_may_answer(one, named, wanted["attributes"]) for one in people)
        if wanted["min_count"] > able:
            found.append(f"{step.place}: {wanted['min_count']} have to approve, and {able} known here may")
    return found


def _may_answer(person: Person, named: Mapping[str, set[str]], attributes: Collection[str]) -> bool:
    is_named = person.name in named["user"] or not named["group"].isdisjoint(person.groups)
    return (is_named or not any(named.values())) and set(attributes) <= set(person.attributes)


def _refuse_beside_drafts(step: Step, plan: Plan, roots: Sequence[Path], findings: Findings) -> None:
    """An agent that could reach outside is no company for text that nobody has approved."""
    try:
        tools = find_agent(step.with_, roots=roots).tools
    except InputError:
        return  # complained about where its inputs are checked
    reaching = [tool for tool in tools if not is_harmless(tool)]
    if reaching:
        what = (
            f"an agent with {', '.join(reaching)} can't stand in a plan with drafts: {', '.join(plan.drafts)}"
        )
        hint = "merge the branch and lock its version, or take this step out while you try the draft"
        findings.refuse(_place(step), what, reason="draft-in-production", hint=hint)


def _check_agent(step: Step, roots: Sequence[Path], findings: Findings) -> None:
    place, uses = _place(step), str(step.with_["uses"])
    try:
        agent = find_agent(step.with_, roots=roots)
    except InputError as error:
        what = f"{error.where}: {error.what}" if error.where else error.what
        findings.refuse(place, what, reason=error.reason, hint=error.hint or f"mend {uses or 'the step'}")
        return
    for name in (str(step.with_.get("model") or ""), agent.model):
        _check_model_at(place, name, findings)
    given = _given(step)
    names = [item.name for item in agent.inputs]
    _check_names(
        {*given} - NOT_INPUTS,
        names,
        f"{agent.name} has no input",
        reason="unknown-input",
        place=place,
        findings=findings,
    )
    for item in agent.inputs:
        if _is_missing(item, given):
            hint = f"write {item.name}: below with:"
            what = f"{agent.name} needs the input {item.name!r}"
            findings.refuse(place, what, reason="missing-input", hint=hint)


def _check_model_at(place: Place, name: str, findings: Findings) -> None:
    if is_expression(name):
        return
    try:
        check_model(name)
    except InputError as error:
        findings.refuse(place, error.what, reason=error.reason, hint=error.hint)


def _is_missing(item: AgentInput, given: Mapping[str, Any]) -> bool:
    return item.required and given.get(item.name, item.default) is None


def _check_tool(step: Step, roots: Sequence[Path], findings: Findings) -> None:
    place, uses = _place(step), str(step.with_.get("uses") or "")
    if not uses:  # of a file with faults: this one was complained about
        return
    offered = {name: found for name, found in builtin_manifests().items() if name not in HARNESS_TOOLS}
    if uses in HARNESS_TOOLS:
        what = f"{uses!r} is performed by the harness alone"
        findings.refuse(
            place, what, reason="harness-tool", hint="take the step out; an agent's turn makes it"
        )
        return
    if uses not in offered:
        hint = suggest(uses, offered, otherwise="the tools are " + ", ".join(sorted(offered)))
        findings.refuse(place, f"there is no tool {uses!r}", reason="unknown-tool", hint=hint)
        return
    schema: Mapping[str, Any] = offered[uses].arguments
    given, names = _given(step), list(schema.get("properties", {}))
    if schema.get("additionalProperties") is False:
        what = f"{uses} has no argument"
        _check_names(given, names, what, reason="unknown-argument", place=place, findings=findings)
    for name in schema.get("required", ()):
        if name not in given:
            hint = f"write {name}: below with:"
            what = f"{uses} needs the argument {name!r}"
            findings.refuse(place, what, reason="missing-argument", hint=hint)


def _check_names(
    given: Collection[str], names: Sequence[str], what: str, *, reason: str, place: Place, findings: Findings
) -> None:
    for name in sorted({*given} - {*names}):
        hint = suggest(name, names, otherwise="there are " + (", ".join(names) or "none"))
        findings.refuse(place, f"{what} {name!r}", reason=reason, hint=hint)


def _check_approval(step: Step, _roots: Sequence[Path], findings: Findings) -> None:
    """A deadline that is over denies as soon as it is asked, or lets nobody refuse: no clock can make that good again."""
    wanted = _given(step)
    deadline = str(wanted.get("deadline") or "")
    if deadline and from_iso(deadline) <= SystemClock().now() + (
        LEAD if wanted.get("auto_approve") else timedelta()
    ):
        what = f"the deadline {deadline} is over, or too near for anybody to refuse"
        hint = "give a later one; what is approved by default has to be more than 15 minutes ahead"
        findings.refuse(_place(step), what, reason="deadline-over", hint=hint)


_CHECKS: Mapping[str, Callable[[Step, Sequence[Path], Findings], None]] = {
    "agent": _check_agent,
    "tool": _check_tool,
    "approval": _check_approval,
}


def _given(step: Step) -> Mapping[str, Any]:
    given = step.with_.get("with") or {}
    return given if isinstance(given, Mapping) else {}


def _place(step: Step) -> Place:
    source, line, column = step.place.rsplit(":", 2)
    return Place(source, int(line), int(column))
