"""`bridle validate` and `bridle plan`: what is wrong with a file, and what it would do. Nothing is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, print_json, put

if TYPE_CHECKING:
    from bridle.pipeline.plan import Plan, Step


AGENT_ROOT = re.compile(r"^agent\s*:", re.MULTILINE)  # the root key of an agent that is written in YAML


def register(app: typer.Typer) -> None:
    app.command(name="validate", epilog="Example: bridle validate pipeline.yaml agents/*/*.md")(validate)
    app.command(name="plan", epilog="Example: bridle plan pipeline.yaml")(plan)


def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Pipeline files (.yaml) and agent files (.md or .yaml).")
    ],
    as_json: AsJson = False,
) -> int:
    """Report every fault of these files, each with its place, its reason and what to do."""
    from bridle.core.errors import InputError

    results: list[dict[str, Any]] = []
    for path in files:
        try:
            found = _check(path)
            results.append({"file": str(path), "valid": True, "notes": found})
        except InputError as error:
            results.append(
                {"file": str(path), "valid": False, "problem": error.to_problem(), "text": str(error)}
            )
    if as_json:
        print_json(results)
    else:
        _print(results)
    return 0 if all(result["valid"] for result in results) else 2


def _check(path: Path) -> list[str]:
    from bridle.agent.forms import parse_agent
    from bridle.surfaces.cli.files import read_plan, read_text
    from bridle.surfaces.cli.references import agent_roots, check_references

    text = read_text(path)
    if path.suffix == ".md" or AGENT_ROOT.search(text):
        parse_agent(text, file=str(path), name=path.parent.name or path.stem, version=path.stem)
        return []
    found = read_plan(path)
    check_references(found, roots=agent_roots())
    return list(found.notes)


def _print(results: list[dict[str, Any]]) -> None:
    for result in results:
        if not result["valid"]:
            put(result["text"])
            continue
        put(f"{result['file']}: valid")
        for note in result["notes"]:
            put(f"  note: {note}")


def plan(
    pipeline: Annotated[Path, typer.Argument(help="The pipeline's YAML file.")], as_json: AsJson = False
) -> int:
    """Show the plan: stages, steps, conditions, the actions each step performs, and its digest."""
    from bridle.surfaces.cli.files import read_plan

    found = read_plan(pipeline)
    if as_json:
        print_json({**found.to_json(), "digest": found.digest()})
    else:
        _print_plan(found)
    return 0


def _print_plan(found: Plan) -> None:
    put(f"{found.id} ({found.name or found.id})  {found.digest()}")
    for name, spec in found.inputs.items():
        put(f"  input {name}: {spec.type}{' (required)' if spec.required else ''}")
    for stage in found.stages:
        put(f"  {stage.id}{_condition(stage.condition)}")
        for step in stage.steps:
            put(f"    {step.id:<12} {step.kind:<9} {describe_actions(step)}{_condition(step.condition)}")
    for note in found.notes:
        put(f"  note: {note}")


def describe_actions(step: Step) -> str:
    """Return which actions a step performs."""
    body = step.with_
    match step.kind:
        case "run":
            return "command.run in the sandbox"
        case "clone":
            return f"git.clone {body['repo']}"
        case "tool":
            return str(body["uses"])
        case "agent":
            return f"model.call and the tools of {body['uses']}"
        case "approval":
            wanted = body["with"]
            assert isinstance(wanted, dict)
            return f"asks a person about {wanted.get('for')}"
        case _:
            return ""


def _condition(condition: str) -> str:
    return f"  if {condition}" if condition else ""
