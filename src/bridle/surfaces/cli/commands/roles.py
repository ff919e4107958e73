"""`bridle roles`: who may do what, where, and why."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.options import AsJson, Store, print_json, put

if TYPE_CHECKING:
    from bridle.app import Store as OpenStore
    from bridle.trust.principals import Place

roles_app = typer.Typer(
    help="Roles and bindings, as roles.yaml in the configuration folder has them; users may do nothing else.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    app.add_typer(roles_app, name="roles")


@roles_app.command(name="list", epilog="Example: bridle roles list --json")
def roles_list(as_json: AsJson = False) -> int:
    """List the roles, those that ship among them, and who has which."""
    from bridle.app import open_roles
    from bridle.core.settings import load_settings

    access = open_roles(load_settings()).read()
    roles = {name: sorted(permissions) for name, permissions in sorted(access.roles.items())}
    bindings = [
        {"role": item.role, "to": item.principal or f"group {item.group}", "where": item.where}
        for item in access.bindings
    ]
    if as_json:
        print_json({"roles": roles, "bindings": bindings})
        return 0
    for name, permissions in roles.items():
        put(f"{name:<16} {', '.join(permissions)}")
    for binding in bindings:
        put(f"  {binding['to']} is {binding['role']} ({binding['where']})")
    return 0


@roles_app.command(
    name="check", epilog="Example: bridle roles check user:ana git:push --project shop --environment eu-prod"
)
def roles_check(
    principal: Annotated[str, typer.Argument(help="The principal's id: user:ana.", metavar="PRINCIPAL")],
    permission: Annotated[str, typer.Argument(help="What they want to do: git:push.", metavar="PERMISSION")],
    project: Annotated[str, typer.Option(help="In this project.")] = "",
    environment: Annotated[str, typer.Option(help="In a stage that deploys to this environment.")] = "",
    kind: Annotated[
        str,
        typer.Option("--type", help="The environment's type: production, if left out, or non-production."),
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> int:
    """Say whether a principal holds a permission now, and through which bindings; exit 3 when they do not."""
    from bridle.core.settings import load_settings
    from bridle.surfaces.cli.reading import open_existing_store
    from bridle.trust.permissions import check_permission
    from bridle.trust.principals import Place

    deployment = {"environment": environment, "type": kind} if environment or kind else None
    place = Place.of(project, deployment)
    with open_existing_store(load_settings(store_url=store)) as opened:
        found = asyncio.run(_check(opened, principal, check_permission(permission), place))
    if as_json:
        print_json(found)
    else:
        _tell(found)
    return 0 if found["holds"] else 3


async def _check(opened: OpenStore, principal_id: str, permission: str, place: Place) -> dict[str, Any]:
    from bridle.app import open_roles
    from bridle.core.errors import InputError
    from bridle.trust.permissions import holds

    found = await opened.principals.get(principal_id, place)
    if found is None:
        raise InputError(f"there is no principal {principal_id!r}", hint="bridle principals list")
    grants = open_roles(opened.settings).read().explain(principal_id, permission, place)
    return {
        "principal": found.id,
        "state": str(found.state),
        "permission": permission,
        "holds": found.state == "active" and holds(found.permissions, permission),
        "grants": [grant.to_json() for grant in grants],
    }


def _tell(found: dict[str, Any]) -> None:
    holds = "holds" if found["holds"] else "does not hold"
    state = "" if found["state"] == "active" else f": it is {found['state']}"
    put(f"{found['principal']} {holds} {found['permission']}{state}")
    for grant in found["grants"]:
        put(f"  {grant['role']} through {grant['through']} ({grant['where']}) gives {grant['permission']}")
