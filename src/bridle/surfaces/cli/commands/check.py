"""`bridle validate`: what is wrong with a file. Nothing is run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, root
from bridle.surfaces.cli.options import Given, InputSets

if TYPE_CHECKING:
    from bridle.core.errors import InputError

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
    """Report every fault of these files, each with its place, its reason and what to do. /dev/stdin is standard input.

    A pipeline is also shown to the policy sets that are bound `on: save`: what they deny is refused, what they ask is a warning.
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
    from bridle.surfaces.cli.policies import ask_saving
    from bridle.surfaces.cli.references import read_referring, warn_of_approvers

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
    found = read_referring(path, text, given=given, roots=agent_roots())
    check_inputs(found, given, sets=sets)
    settings = load_settings()
    asked = asyncio.run(ask_saving(settings, found))
    people = open_people(settings).all()
    return {"notes": list(found.notes), "warnings": [*warn_of_approvers(found, people), *asked]}


def _tell_result(result: dict[str, Any]) -> Iterator[str]:
    if not result["valid"]:
        yield from result["text"].splitlines()
        return
    yield f"{result['file']}: valid"
    for note in result["notes"]:
        yield f"  note: {note}"
    for warning in result["warnings"]:
        yield f"  warning: {warning}"
