"""`bridle validate` and `bridle plan`: what is wrong with a file, and what it would do. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, root
from bridle.surfaces.cli.options import Given, InputSets

if TYPE_CHECKING:
    from bridle.core.errors import InputError
    from bridle.pipeline.plan import Plan
    from bridle.pipeline.tree import Step

CASE_ROOT = re.compile(r"^case[-_]?type\s*:", re.MULTILINE | re.IGNORECASE)  # the root key of a case type
AGENT_ROOT = re.compile(r"^agent\s*:", re.MULTILINE)  # the root key of an agent that is written in YAML


@command(root, "validate", "bridle validate pipeline.yaml agents/*/*.md")
def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Pipeline files (.yaml), agent files (.md or .yaml), case types (.yaml), policies (.rego, policies.yaml)."
        ),
    ],
    given: Given = None,
    input_sets: InputSets = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what an agent's file leaves unsaid, too.")
    ] = False,
) -> Answer:
    """Report every fault of these files, each with its place, its reason and what to do.

    Inputs that are given are those of every pipeline among them, and are checked as bridle run would. What an agent's file does
    not say of how it works and what it may do is named as a warning; nothing that is not declared is granted.
    """
    from bridle.core.errors import InputError

    results: list[dict[str, Any]] = []
    for path in files:
        try:
            found = _check(path, given or [], input_sets or [], strict=strict)
            results.append({"file": str(path), "valid": True, **found})
        except InputError as error:
            results.append(
                {"file": str(path), "valid": False, "problem": error.to_problem(), "text": _tell(error)}
            )
    valid = all(result["valid"] for result in results)
    return Answer(
        results, (line for result in results for line in _tell_result(result)), code=0 if valid else 2
    )


def _tell(error: InputError) -> str:
    """Return every fault with its place, its reason by name and what to do."""
    from bridle.agent.faults import AgentFileError
    from bridle.pipeline.complaint import PipelineError

    if isinstance(error, PipelineError):
        return str(error)
    faults = error.faults if isinstance(error, AgentFileError) else (error,)
    told = []
    for fault in faults:
        place, advice = (
            f"{fault.where}: " if fault.where else "",
            f"\n  next: {fault.hint}" if fault.hint else "",
        )
        told.append(f"{place}{fault.what} [{fault.reason}]{advice}")
    return "\n".join(told)


def _check(path: Path, given: Sequence[str], sets: Sequence[Path], *, strict: bool) -> dict[str, list[str]]:
    from bridle.agent.faults import AgentFileError
    from bridle.agent.forms import find_gaps, parse_agent
    from bridle.agent.operating import summarise_gaps
    from bridle.app import agent_roots, check_policies, open_people
    from bridle.core.settings import load_settings
    from bridle.operating.cases.reading import read_case_type
    from bridle.surfaces.cli.files import read_text
    from bridle.surfaces.cli.inputs import check_inputs
    from bridle.surfaces.cli.locking import read_plan
    from bridle.surfaces.cli.references import check_references, warn_of_approvers

    if path.suffix == ".rego" or path.name == "policies.yaml":
        return {"notes": [], "warnings": check_policies(load_settings(), path)}
    text = read_text(path)
    if path.suffix == ".md" or AGENT_ROOT.search(text):
        parse_agent(text, file=str(path), name=path.parent.name or path.stem, version=path.stem)
        gaps = find_gaps(text, file=str(path))
        if strict and gaps:
            raise AgentFileError(gaps)
        return {"notes": [], "warnings": summarise_gaps(gaps)}
    if CASE_ROOT.search(text):
        read_case_type(text, source=str(path))
        return {"notes": [], "warnings": []}
    found = read_plan(path, given=given)
    check_inputs(found, given, sets=sets)
    check_references(found, roots=agent_roots())
    people = open_people(load_settings()).all()
    return {"notes": list(found.notes), "warnings": warn_of_approvers(found, people)}


def _tell_result(result: dict[str, Any]) -> Iterator[str]:
    if not result["valid"]:
        yield from result["text"].splitlines()
        return
    yield f"{result['file']}: valid"
    for note in result["notes"]:
        yield f"  note: {note}"
    for warning in result["warnings"]:
        yield f"  warning: {warning}"


@command(root, "plan", "bridle plan pipeline.yaml")
def plan(
    pipeline: Annotated[Path, typer.Argument(help="The pipeline's YAML file.")],
    given: Given = None,
    input_sets: InputSets = None,
) -> Answer:
    """Show the plan: stages, steps, conditions, the actions each step performs, and its digest.

    Of the inputs only those that stand in the pipeline itself (<+input>) change it; the others are checked as bridle run would.
    """
    from bridle.engine.drafts import refuse_drafts
    from bridle.surfaces.cli.inputs import check_inputs
    from bridle.surfaces.cli.locking import read_plan

    found = read_plan(pipeline, given=given or [])
    check_inputs(found, given or [], sets=input_sets or [])
    refuse_drafts(found)
    return show_plan(found)


def show_plan(found: Plan) -> Answer:
    """Return a plan to print, with the steps that would ask a person."""
    document = {**found.to_json(), "digest": found.digest(), "asks": list_asking(found)}
    return Answer(document, _tell_plan(found))


def _tell_plan(found: Plan) -> Iterator[str]:
    from bridle.pipeline.tree import Block, walk

    yield f"{found.id} ({found.name or found.id})  {found.digest()}"
    for name, spec in found.inputs.items():
        yield f"  input {name}: {spec.type}{' (required)' if spec.required else ''}"
    for address, node in walk(found.stages):
        indent = "  " * len(address)
        about = (
            ("side by side" if node.kind == "parallel" else "")
            if isinstance(node, Block)
            else f"{node.kind:<9} {describe_actions(node)}"
        )
        strategy = f"  for each cell of its {node.strategy.kind}" if node.strategy else ""
        yield f"{indent}{node.id:<12} {about}{strategy}{_condition(node.condition)}".rstrip()
    for name, digest in found.lock.items():
        yield f"  locks {name} {digest}"
    for name in found.drafts:
        yield f"  draft {name}: from a branch, nobody has approved it"
    for note in found.notes:
        yield f"  note: {note}"


def describe_actions(step: Step) -> str:
    """Return which actions a step performs."""
    body = step.with_
    match step.kind:
        case "run":
            return "command.run in the sandbox"
        case "background":
            return "command.start in the sandbox, not waited for"
        case "clone":
            return f"git.clone {body['repo']}"
        case "tool":
            return f"{body['uses']}{', which asks a person' if asks(step) else ''}"
        case "agent":
            return _describe_agent(body)
        case "approval":
            return _describe_approval(body)
        case "chain":
            return f"runs the pipeline {body['uses']}"
        case "policy":
            return f"asks the policy sets {', '.join(one['name'] for one in body['sets'])}"
        case "barrier" | "queue" | "wait":
            return " ".join(f"{name} {value}" for name, value in body.items())
        case _:
            return ""


def _describe_agent(body: Mapping[str, Any]) -> str:
    from bridle.agent.inline import find_agent

    if body["uses"]:
        return f"model.call and the tools of {body['uses']}"
    return ", ".join(("model.call", *find_agent(body, roots=()).tools))


def _describe_approval(body: Mapping[str, Any]) -> str:
    wanted = body["with"]
    if "run" in body:
        return f"command.run in the sandbox, every {wanted['retry_s']} s, until its outputs decide"
    people = ", ".join([*wanted.get("users", ()), *wanted.get("groups", ())]) or "a person"
    count = wanted.get("min_count", 1)
    asked = people if count == 1 else f"{count} of {people}"
    return f"asks {asked} about {wanted.get('for') or 'going on'}"


def asks(step: Step) -> bool:
    """True when the step's own action needs a person's word: an approval, and a tool whose effect cannot simply be put back."""
    from bridle.gate.manifest import builtin_manifests

    if step.kind == "approval":
        return "run" not in step.with_
    manifest = builtin_manifests().get(str(step.with_.get("uses"))) if step.kind == "tool" else None
    return manifest is not None and manifest.effect.lasts


def list_asking(plan: Plan) -> list[str]:
    """Return the ids of the steps that would ask, as `stage.step`."""
    from bridle.pipeline.tree import Step, walk

    nodes = {address: node for address, node in walk(plan.stages)}
    return [
        ".".join(nodes[address[:length]].id for length in range(1, len(address) + 1))
        for address, node in nodes.items()
        if isinstance(node, Step) and asks(node)
    ]


def _condition(condition: str) -> str:
    return f"  if {condition}" if condition else ""
