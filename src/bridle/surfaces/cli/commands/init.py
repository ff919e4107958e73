"""`bridle init`: a first pipeline in somebody's own repository, that runs at once."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import root
from bridle.surfaces.cli.options import AsJson, NoInput, Quiet, Store, is_terminal, print_json, put, say

if TYPE_CHECKING:
    from bridle.surfaces.cli.starter_project import Project
    from bridle.surfaces.cli.starter_suites import Suite
    from bridle.surfaces.cli.starter_trial import Trial

LIVE = "anthropic:claude-sonnet-5-5"


@root.command(name="init", epilog="Example: bridle init --test-command 'make check'")
def init(
    directory: Annotated[Path, typer.Argument(help="A folder of your git repository.")] = Path(),
    test_command: Annotated[str, typer.Option(help="How the tests are run.", metavar="COMMAND")] = "",
    force: Annotated[bool, typer.Option("--force", help="Write the files anew if they are there.")] = False,
    store: Store = "",
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Write a first pipeline and agent for this repository: find out how its tests run, and try them in the sandbox.

    It writes below bridle/ in the repository and nothing else, and overwrites nothing without --force.
    """
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.starter_project import find_project

    project = find_project(directory)
    suites = _list_suites(project, test_command, asks=is_terminal(no_input=no_input or as_json))
    if not (as_json or quiet):
        _tell_search(project, suites)
    trial, files = asyncio.run(_make(load_settings(store_url=store), project, suites, force=force))
    if as_json:
        print_json(_describe(project, trial, files))
    else:
        _tell_result(project, trial, files)
    return 0


def _list_suites(project: Project, named: str, *, asks: bool) -> Sequence[Suite]:
    from bridle.app import shipped
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.starter_suites import Tree, find_suites, given_suite

    if named.strip():
        return [given_suite(named.strip())]
    runner = (shipped("samples") / "starter" / "junit_report.py").read_text("utf-8")
    found = find_suites(Tree(project.files, project.read, runner))
    if not found and asks:
        word = input("How are the tests of this project run? ").strip()
        found = [given_suite(word)] if word else []
    if not found:
        raise InputError(
            "nothing here says how the tests are run",
            where=str(project.root),
            hint="name the command: bridle init --test-command '…'",
            reason="no-test-command",
        )
    return found


async def _make(
    settings: Any, project: Project, suites: Sequence[Suite], *, force: bool
) -> tuple[Trial, list[str]]:
    from bridle.app import open_app, shipped
    from bridle.surfaces.cli.starter import make_files, refuse_existing, write_files
    from bridle.surfaces.cli.starter_trial import try_suites

    if not force:
        refuse_existing(project.root)
    async with open_app(settings) as app:
        trial = await try_suites(app, project, suites)
    files = make_files(shipped("samples") / "starter", project, trial)
    write_files(project.root, files)
    return trial, list(files)


def _describe(project: Project, trial: Trial, files: Sequence[str]) -> dict[str, Any]:
    return {
        "repository": str(project.root),
        "branch": project.branch,
        "suite": {
            "command": trial.suite.command,
            "why": trial.suite.why,
            "tests": trial.tests,
            "green": trial.green,
            "said": trial.said,
        },
        "commits": trial.tests is not None,
        "execution": trial.execution,
        "files": list(files),
        "run": _run_line(),
        "run_live": f"{_run_line()} --model {LIVE}",
    }


def _run_line() -> str:
    from bridle.surfaces.cli.starter import PIPELINE

    return f"bridle run {PIPELINE}"


def _tell_search(project: Project, suites: Sequence[Suite]) -> None:
    from bridle.engine.steps.run import DEFAULT_WALL_S

    say(f"{project.root}, branch {project.branch}" + (NOT_COMMITTED if project.changed else ""))
    for suite in suites:
        say(f"  might run the tests: {suite.command}\n    {suite.why}")
    say(f"Trying in the sandbox, each for {DEFAULT_WALL_S // 60} minutes at most …")


def _tell_result(project: Project, trial: Trial, files: Sequence[str]) -> None:
    from bridle.surfaces.cli.starter_trial import SANDBOX

    went = "Green" if trial.green else "Red" if trial.tests else "Fails"
    put(f"{went} in the sandbox: {trial.suite.command}\n  {trial.said}")
    told = [SANDBOX] * trial.red + ([UNPROVED] if trial.tests is None else [TO_REPAIR] * trial.red)
    for text in told:
        print(textwrap.fill(text, 120, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))
    print("\n".join(["Written:", *(f"  {path}" for path in files)]))
    place = f"cd {project.root}\n  " if Path.cwd() != project.root else ""
    print(f"Run it; it ends where it waits for you:\n  {place}{_run_line()}")
    print(
        f"With a live model (its key in ANTHROPIC_API_KEY; openai: and bedrock: as well):\n  {_run_line()} --model {LIVE}"
    )


NOT_COMMITTED = "; some changes are not committed, and only what is committed is seen"
TO_REPAIR = (
    "A red suite is what an agent repairs: the pipeline lets one change the source and not the tests, commit when the suite is "
    "green, and push when a person says so. Without a live model its turns come from a file: they leave notes and repair nothing."
)
UNPROVED = (
    "It leaves no JUnit report below .bridle/reports/. An exit code alone does not say that a test ran, so this pipeline makes "
    "no commit and no push: an agent leaves notes, and you are asked about them. Name another command, one that writes a report "
    "for a commit: bridle init --force --test-command '…'"
)
