"""`bridle agent run`: one agent without a pipeline, under the same rules."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bridle.surfaces.cli.options import (
    ApproveAs,
    AsJson,
    Model,
    NoInput,
    Policies,
    Quiet,
    Store,
)

agent_app = typer.Typer(help="Agents without a pipeline.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(agent_app, name="agent")


@agent_app.callback()
def agents() -> None:
    """Agents without a pipeline."""


@agent_app.command(
    name="run",
    epilog="Example: bridle agent run acme.reviewer@1 --repository /srv/app.git --branch main --task 'Read the change.'",
)
def run_agent_alone(
    name: Annotated[str, typer.Argument(help="The agent, as publisher.name@1.0.0.", metavar="NAME")],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            "-w",
            help="An input of the agent, as NAME=VALUE; may be repeated.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    task: Annotated[
        str, typer.Option(help="What to do, for an agent that declares the input `task`.", metavar="TEXT")
    ] = "",
    repository: Annotated[
        str, typer.Option(help="Path or URL of what it works on.", metavar="REPOSITORY")
    ] = "",
    branch: Annotated[
        str, typer.Option(help="The branch to clone; main if left out.", metavar="BRANCH")
    ] = "",
    model: Model = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and run nothing.")] = False,
    approve_as: ApproveAs = "",
    store: Store = "",
    policies: Policies = None,
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run one agent, and follow it to its end or to where it waits for a person."""
    from bridle.agent.alone import Checkout, plan_agent, read_given
    from bridle.agent.shelf import load_agent
    from bridle.app import agent_roots
    from bridle.core.errors import InputError
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude
    from bridle.surfaces.cli.commands.check import show_plan
    from bridle.surfaces.cli.commands.start import start_and_carry
    from bridle.surfaces.cli.references import check_models, check_references

    if branch and not repository:
        raise InputError("--branch is of no repository", hint="add --repository", reason="usage")
    definition = load_agent(name, roots=agent_roots())
    values = read_given(definition, given or []) | ({"task": task} if task else {})
    plan = plan_agent(definition, given=values, checkout=Checkout(repository, branch) if repository else None)
    check_references(plan, roots=agent_roots())
    settings = load_settings(store_url=store, policies=policies or ())
    check_models(plan, chosen=model, settings=settings)
    if dry_run:
        show_plan(plan, as_json=as_json)
        return 0
    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    closing = asyncio.run(start_and_carry(settings, plan, {}, {"model": model}, manner))
    return conclude(closing, as_json=as_json)
