"""`bridle roles`: who may do what, where, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridle.surfaces.cli.command import Answer, command, existing_store, group

if TYPE_CHECKING:
    from bridle.app import Store
    from bridle.trust.principals import Place

roles = group(
    "roles",
    tells="Roles and bindings, as roles.yaml in the configuration folder has them; users may do nothing else.",
)


@command(roles, "list", "bridle roles list --json")
def roles_list() -> Answer:
    """List the roles, those that ship among them, and who has which."""
    from bridle.app import open_roles
    from bridle.core.settings import load_settings

    access = open_roles(load_settings()).read()
    held = {name: sorted(permissions) for name, permissions in sorted(access.roles.items())}
    bindings = [
        {"role": item.role, "to": item.principal or f"group {item.group}", "where": item.where}
        for item in access.bindings
    ]
    lines = [f"{name:<16} {', '.join(permissions)}" for name, permissions in held.items()]
    lines += [f"  {one['to']} is {one['role']} ({one['where']})" for one in bindings]
    return Answer({"roles": held, "bindings": bindings}, lines)


@command(
    roles,
    "check",
    "bridle roles check user:ana git:push --project shop --environment eu-prod",
    opens=existing_store,
)
async def roles_check(
    store: Store,
    principal: Annotated[str, typer.Argument(help="The principal's id: user:ana.", metavar="PRINCIPAL")],
    permission: Annotated[str, typer.Argument(help="What they want to do: git:push.", metavar="PERMISSION")],
    project: Annotated[str, typer.Option(help="In this project.")] = "",
    environment: Annotated[str, typer.Option(help="In a stage that deploys to this environment.")] = "",
    kind: Annotated[
        str,
        typer.Option("--type", help="The environment's type: production, if left out, or non-production."),
    ] = "",
) -> Answer:
    """Say whether a principal holds a permission now, and through which bindings; exit 3 when they do not."""
    from bridle.trust.permissions import check_permission
    from bridle.trust.principals import Place

    deployment = {"environment": environment, "type": kind} if environment or kind else None
    place = Place.of(project, deployment)
    found = await _check(store, principal, check_permission(permission), place)
    return Answer(found, _tell(found), code=0 if found["holds"] else 3)


async def _check(store: Store, principal_id: str, permission: str, place: Place) -> dict[str, Any]:
    from bridle.app import open_roles
    from bridle.core.errors import InputError
    from bridle.trust.permissions import holds

    found = await store.principals.get(principal_id, place)
    if found is None:
        raise InputError(f"there is no principal {principal_id!r}", hint="bridle principals list")
    grants = open_roles(store.settings).read().explain(principal_id, permission, place)
    return {
        "principal": found.id,
        "state": str(found.state),
        "permission": permission,
        "holds": found.state == "active" and holds(found.permissions, permission),
        "grants": [grant.to_json() for grant in grants],
    }


def _tell(found: dict[str, Any]) -> Iterator[str]:
    holds = "holds" if found["holds"] else "does not hold"
    state = "" if found["state"] == "active" else f": it is {found['state']}"
    yield f"{found['principal']} {holds} {found['permission']}{state}"
    for grant in found["grants"]:
        yield f"  {grant['role']} through {grant['through']} ({grant['where']}) gives {grant['permission']}"
