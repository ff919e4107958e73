"""`bridle people`: who can give verdicts with a key of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from bridle.surfaces.cli.command import Answer, command, group

people = group(
    "people",
    tells="People with keys of their own: approvals that want several people, a group or an attribute take only these.",
)


@command(people, "list", "bridle people list --json")
def people_list() -> Answer:
    """List the people of this installation, with their groups and what they hold."""
    from bridle.app import open_people
    from bridle.core.settings import load_settings

    found = open_people(load_settings()).all()
    lines = [
        f"{one.name:<16} account {one.account:<12} groups {', '.join(one.groups) or '-'}  "
        f"holds {', '.join(one.attributes) or '-'}"
        for one in found
    ]
    return Answer([one.to_json() for one in found], lines or "Nobody yet: bridle people add NAME")


@command(people, "add", "bridle people add ana --group release --attribute EU-compliance")
def people_add(
    name: Annotated[str, typer.Argument(help="The person's name, in lower case.", metavar="NAME")],
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", help="A group they are in; may be repeated.", metavar="GROUP"),
    ] = None,
    attributes: Annotated[
        list[str] | None,
        typer.Option("--attribute", help="What they hold; may be repeated.", metavar="ATTRIBUTE"),
    ] = None,
    account: Annotated[
        str,
        typer.Option(help="The operating system's user they start executions as; their name if left out."),
    ] = "",
) -> Answer:
    """Add a person and make their key, or replace the groups and attributes of one who is there.

    You have to hold principal:manage, as an owner does; whoever owns the configuration folder is the authority over it.
    """
    from bridle.app import add_person
    from bridle.core.settings import load_settings

    settings = load_settings()
    person = add_person(settings, name, account=account, groups=groups or [], attributes=attributes or [])
    key = settings.config_dir / "people" / f"{person.name}.key"
    lines = [f"{person.name} signs with {key}", "Who can read that file can approve in this name."]
    return Answer(person.to_json(), lines)
