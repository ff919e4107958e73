"""`bridle people`: who can give verdicts with a key of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from bridle.surfaces.cli.options import AsJson, print_json, put

people_app = typer.Typer(
    help="People with keys of their own: approvals that want several people, a group or an attribute take only these.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    app.add_typer(people_app, name="people")


@people_app.command(name="list", epilog="Example: bridle people list --json")
def people_list(as_json: AsJson = False) -> int:
    """List the people of this installation, with their groups and what they hold."""
    from bridle.app import open_people
    from bridle.core.settings import load_settings

    found = open_people(load_settings()).all()
    if as_json:
        print_json([person.to_json() for person in found])
        return 0
    for person in found:
        groups, attributes = (", ".join(items) or "-" for items in (person.groups, person.attributes))
        put(f"{person.name:<16} account {person.account:<12} groups {groups}  holds {attributes}")
    if not found:
        put("Nobody yet: bridle people add NAME")
    return 0


@people_app.command(
    name="add", epilog="Example: bridle people add ana --group release --attribute EU-compliance"
)
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
    as_json: AsJson = False,
) -> int:
    """Add a person and make their key, or replace the groups and attributes of one who is there.

    You have to hold principal:manage, as an owner does; whoever owns the configuration folder is the authority over it.
    """
    from bridle.app import add_person
    from bridle.core.settings import load_settings

    settings = load_settings()
    person = add_person(settings, name, account=account, groups=groups or [], attributes=attributes or [])
    if as_json:
        print_json(person.to_json())
        return 0
    put(f"{person.name} signs with {settings.config_dir / 'people' / f'{person.name}.key'}")
    put("Who can read that file can approve in this name.")
    return 0
