"""`bridle agent run`: one agent without a pipeline, under the same rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bridle.surfaces.cli.command import Answer, command, group, settings_alone
from bridle.surfaces.cli.options import (
    ApproveAs,
    AsJson,
    Model,
    NoInput,
    Quiet,
)

if TYPE_CHECKING:
    from bridle.agent.definition import AgentDefinition
    from bridle.core.settings import Settings

agents = group("agent", tells="One agent: run without a pipeline, or described to others.")


@command(
    agents,
    "card",
    "bridle agent card bridle.ci-autofix --interface JSONRPC=https://agents.example.com/a2a",
    opens=settings_alone,
)
async def agent_card(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="The agent, as publisher.name@1.0.0.", metavar="NAME")],
    interfaces: Annotated[
        list[str] | None,
        typer.Option(
            "--interface",
            help="Where it is reached: JSONRPC=URL, GRPC=URL or HTTP+JSON=URL; may be repeated.",
            metavar="BINDING=URL",
        ),
    ] = None,
) -> Answer:
    """Print the agent's A2A card: what it is for, how it works, what it may do at most; signed by the control plane (JWS).

    A card is JSON; --json leaves the remarks for people out.
    """
    from bridle.agent.card import build_card, read_interface, sign_card
    from bridle.agent.forms import find_gaps
    from bridle.agent.shelf import find_file, load_agent, read_text
    from bridle.app import agent_roots
    from bridle.trust.keys import load_signer

    roots = agent_roots()
    definition = load_agent(name, roots=roots)
    file = find_file(definition, roots=roots)
    gaps = [gap.what for gap in find_gaps(read_text(file), file=str(file))]
    named = [read_interface(text) for text in interfaces or []]
    await _check_standing(settings, definition)
    card = build_card(definition, gaps=gaps, interfaces=named)
    signed = sign_card(card, load_signer(settings.config_dir / "control-plane.key"))
    unreachable = "The card names no interface: it describes the agent, and nobody can reach it by it."
    return Answer(signed, json.dumps(signed, indent=1).splitlines(), aside="" if named else unreachable)


async def _check_standing(settings: Settings, definition: AgentDefinition) -> None:
    """Nobody signs for an agent that may not act here; raise TrustError."""
    from bridle.agent.admission import describe_agent
    from bridle.core.errors import TrustError
    from bridle.surfaces.cli.reading import open_existing_store, sqlite_file
    from bridle.trust.lifecycle import admit_version
    from bridle.trust.principals import Lifecycle

    file = sqlite_file(settings.store_url)
    new, known = describe_agent(definition), None
    if file is None or file.is_file():
        with open_existing_store(settings) as opened:
            known = await opened.principals.get(new.id)
    standing = admit_version(known, new, first_use=not settings.approved_agents_only)
    if standing.state is not Lifecycle.ACTIVE:
        raise TrustError(
            f"{new.id} is {standing.state}, and no card is signed for it",
            hint=f"bridle principals show {new.id}",
            reason="principal-not-active",
        )


@command(
    agents,
    "run",
    "bridle agent run acme.reviewer@1 --repository /srv/app.git --branch main --task 'Read the change.'",
    opens=settings_alone,
    policies=True,
)
async def run_agent_alone(
    settings: Settings,
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
    no_input: NoInput = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Run one agent, and follow it to its end or to where it waits for a person."""
    from bridle.agent.alone import Checkout, check_given, plan_agent, read_given
    from bridle.agent.shelf import load_agent
    from bridle.app import agent_roots, open_app
    from bridle.core.errors import InputError
    from bridle.surfaces.cli.carry import choose_manner
    from bridle.surfaces.cli.closing import conclude, follow
    from bridle.surfaces.cli.commands.plan import show_plan
    from bridle.surfaces.cli.models import check_models
    from bridle.surfaces.cli.references import check_references

    if branch and not repository:
        raise InputError("--branch is of no repository", hint="add --repository", reason="usage")
    definition = load_agent(name, roots=agent_roots())
    values = read_given(definition, given or []) | ({"task": task} if task else {})
    check_given(definition, values)
    plan = plan_agent(definition, given=values, checkout=Checkout(repository, branch) if repository else None)
    check_references(plan, roots=agent_roots())
    check_models(plan, chosen=model, settings=settings, here=not dry_run)
    if dry_run:
        return show_plan(plan, {}).tell(as_json=as_json)
    manner = choose_manner(quiet=quiet, no_input=no_input, approve_as=approve_as, as_json=as_json)
    async with open_app(settings) as app:
        begun = await app.control.start(plan, inputs={}, options={"model": model}, initiator=app.user)
        return conclude(await follow(app, begun.id, manner), as_json=as_json)
