"""The files of a starter: made from the templates in samples/starter, checked, and written without overwriting.

Rules
  1. A file that is there already is kept: nothing at all is written then, unless it was asked for by force.
  2. What was made is read by the product's own readers before it is written.
  3. A suite that leaves no report gets the pipeline without a commit, and one that is red by its report gets a repair. Either
     asks a person, and runs at once on turns that claim no more than they do.
"""

from __future__ import annotations

import getpass
import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.core.errors import InputError

if TYPE_CHECKING:
    from bridle.surfaces.cli.starter_project import Project
    from bridle.surfaces.cli.starter_trial import Trial

PIPELINE, TURNS = "bridle/pipeline.yaml", "bridle/turns.yaml"
AGENT = "bridle/agents/starter.notes/1.0.0.md"
REPAIR = "bridle/agents/starter.repair/1.0.0.md"
_TOKEN = re.compile(r"^(?P<indent> *)@SUITE@$|@(?P<name>[A-Z_]+)@", re.MULTILINE)


def make_files(templates: Path, project: Project, trial: Trial) -> dict[str, str]:
    """Return the starter's files, path to text; raise InputError when one of them does not read."""
    names = _choose(trial)
    values = _values(project, trial)
    files = {
        path: fill((templates / name).read_text("utf-8"), values, suite=trial.suite.script)
        for path, name in names.items()
    }
    _check(files, project.root)
    return files


def _choose(trial: Trial) -> dict[str, str]:
    """Return what is written, each with its template. A repair cannot be played from a file: those turns leave notes."""
    if trial.tests is None:
        return {PIPELINE: "pipeline-unproved.yaml.in", TURNS: "turns-asking.yaml.in", AGENT: "agent.md.in"}
    if trial.red:
        return {PIPELINE: "pipeline-red.yaml.in", TURNS: "turns-asking.yaml.in", REPAIR: "agent-red.md.in"}
    return {PIPELINE: "pipeline.yaml.in", TURNS: "turns.yaml.in", AGENT: "agent.md.in"}


def fill(template: str, values: Mapping[str, str], *, suite: str) -> str:
    """Put values where their names stand between `@` signs, and the suite, with its indent, on a line of its own."""

    def put(match: re.Match[str]) -> str:
        if match["name"]:
            return values[match["name"]]
        return textwrap.indent(suite.rstrip("\n"), match["indent"])

    return _TOKEN.sub(put, template)


def refuse_existing(root: Path) -> None:
    """Raise InputError when one of the starter's files is there."""
    there = [path for path in (PIPELINE, TURNS, AGENT, REPAIR) if (root / path).exists()]
    if there:
        raise InputError(
            f"already there: {', '.join(there)}",
            where=str(root),
            hint="bridle init --force writes them anew; your changes to them would be lost",
            reason="file-exists",
        )


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Write the files below `root`, each whole or not at all."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        temporary.write_text(text, "utf-8")
        temporary.replace(target)


def _values(project: Project, trial: Trial) -> dict[str, str]:
    """Return what the templates name: as quoted text, which YAML reads as JSON does, but for what stands in prose."""
    quoted = {
        "REPOSITORY": str(project.root),
        "BRANCH": project.branch,
        "NOTES": project.choose_notes(),
        "READ": project.choose_text(),
        "COMMAND": trial.suite.command,
        "OWNER": getpass.getuser(),
    }
    prose = {"COMMAND_TEXT": f"`{' '.join(trial.suite.command.split())}`", "NOTES_TEXT": quoted["NOTES"]}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in quoted.items()} | prose


def _check(files: Mapping[str, str], root: Path) -> None:
    from bridle.agent.forms import parse_agent
    from bridle.surfaces.cli.locking import read_locked

    read_locked(files[PIPELINE], source=PIPELINE, folder=root)
    agent = REPAIR if REPAIR in files else AGENT
    parse_agent(files[agent], file=agent)
