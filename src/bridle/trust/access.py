"""Access: what users and service accounts may do, by the roles that are bound to them, and where. Pure.

Rules
  1. A role is a set of permissions; a binding gives a role to a principal or to everybody of a group, for the account, an
     organisation, a project, or a resource group. Bindings add up; none takes away.
  2. A binding counts at a place when the place lies within it. What does not say where it happens is in no organisation, project
     or resource group: only bindings of the account count there.
  3. A resource group is what meets all that it names: projects, environments (with patterns such as `eu-*`), and types of
     environment. The type `none` is what deploys nowhere.
  4. A user holds nothing else. A service account also holds what it was added with. An agent's rights are its file's, cut to
     those of whoever started it: so who may push to production is who may start an agent that does.
  5. A project may have a boundary: what no token in it goes beyond, whoever's it is.
  6. Where nobody has written bindings, the operating system's user of the installation is the account's owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.permissions import covers, holds, meet
from bridle.trust.principals import (
    ANYWHERE,
    EVERYTHING,
    Lifecycle,
    Place,
    Principal,
    PrincipalKind,
    Principals,
)

OWNER = "owner"
NOWHERE = "none"  # the type of environment of what deploys nowhere
BOUND = (PrincipalKind.USER, PrincipalKind.SERVICE)

ROLES: Mapping[str, frozenset[str]] = {
    OWNER: frozenset({"*"}),
    "developer": frozenset(
        {
            "execution:start", "execution:control", "session:open", "pipeline:continue", "model:call",
            "command:run", "file:*", "git:*", "workspace:use", "artifact:*", "server:describe", "mcp:*", "case:*",
        }
    ),
    "operator": frozenset(
        {
            "execution:start", "execution:control", "fleet:kill", "breaker:close",
            "approval:verdict", "work:settle", "pipeline:continue", "model:call",
            "command:run", "file:read", "git:*", "workspace:use", "artifact:*", "server:describe", "mcp:*", "case:*",
        }
    ),
    "approver": frozenset({"approval:verdict"}),
    "auditor": frozenset({"audit:read"}),
}  # fmt: skip
"""Roles that ship. A file may bind them and add others; it does not change what these hold."""


@dataclass(frozen=True)
class ResourceGroup:
    """What meets all that is named; an empty field names nothing."""

    projects: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def holds(self, place: Place) -> bool:
        within = not self.projects or place.project in self.projects
        named = not self.environments or any(
            place.environment != "" and covers(pattern, place.environment) for pattern in self.environments
        )
        return within and named and (not self.types or (place.type or NOWHERE) in self.types)


@dataclass(frozen=True)
class Binding:
    """A role for a principal's id or a group's name; of the three places one is given, or none for the account."""

    role: str
    principal: str = ""
    group: str = ""
    organisation: str = ""
    project: str = ""
    resource_group: str = ""

    @property
    def where(self) -> str:
        for name in ("organisation", "project", "resource_group"):
            if value := getattr(self, name):
                return f"{name.replace('_', ' ')} {value}"
        return "account"

    @property
    def through(self) -> str:
        return f"group {self.group}" if self.group else self.principal


@dataclass(frozen=True)
class Grant:
    """Why a principal holds a permission: a binding, and what of its role covers the permission."""

    binding: Binding
    permission: str

    def to_json(self) -> dict[str, Json]:
        return {
            "role": self.binding.role,
            "through": self.binding.through,
            "where": self.binding.where,
            "permission": self.permission,
        }


@dataclass(frozen=True)
class Access:
    """Roles, groups and bindings of an installation, all of them known to be there (adapters.people.roles)."""

    bindings: Sequence[Binding]
    roles: Mapping[str, frozenset[str]] = field(default_factory=lambda: ROLES)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    organisations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    resource_groups: Mapping[str, ResourceGroup] = field(default_factory=dict)
    boundaries: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def permissions_of(self, principal: str, place: Place = ANYWHERE) -> frozenset[str]:
        """Return what a principal's bindings give there."""
        held = [self.roles[binding.role] for binding in self._bound(principal, place)]
        return frozenset().union(*held)

    def roles_of(self, principal: str, place: Place = ANYWHERE) -> tuple[tuple[str, str, str], ...]:
        """Return the roles that a principal has there: role, through whom, where; sorted, each once."""
        bound = self._bound(principal, place)
        return tuple(sorted({(binding.role, binding.through, binding.where) for binding in bound}))

    def organisations_of(self, place: Place) -> tuple[str, ...]:
        """Return the organisations that a place's project belongs to, sorted."""
        return tuple(
            sorted(name for name, projects in self.organisations.items() if place.project in projects)
        )

    def names_of(self, principal: str, place: Place = ANYWHERE) -> frozenset[str]:
        """Return the groups that a principal is in and the roles that they have there, as `group:NAME` and `role:NAME`."""
        groups = {f"group:{name}" for name, members in self.groups.items() if principal in members}
        return frozenset(groups) | {f"role:{binding.role}" for binding in self._bound(principal, place)}

    def boundary_of(self, place: Place) -> frozenset[str]:
        """Return what no token goes beyond there; what names no project stays within the boundaries of all."""
        if place.project:
            return self.boundaries.get(place.project, EVERYTHING)
        found = EVERYTHING
        for boundary in self.boundaries.values():
            found = meet(found, boundary)
        return found

    def explain(self, principal: str, permission: str, place: Place = ANYWHERE) -> list[Grant]:
        """Return every reason for which a principal holds a permission there."""
        return [
            Grant(binding, held)
            for binding in self._bound(principal, place)
            for held in sorted(self.roles[binding.role])
            if covers(held, permission)
        ]

    def _bound(self, principal: str, place: Place) -> Iterator[Binding]:
        for binding in self._by_principal.get(principal, ()):
            if self._lies_within(place, binding):
                yield binding

    def _lies_within(self, place: Place, binding: Binding) -> bool:
        if binding.organisation:
            return place.project in self.organisations[binding.organisation]
        if binding.resource_group:
            return place != ANYWHERE and self.resource_groups[binding.resource_group].holds(place)
        return not binding.project or place.project == binding.project

    @cached_property
    def _by_principal(self) -> Mapping[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        for binding in self.bindings:
            for principal in self.groups[binding.group] if binding.group else (binding.principal,):
                found.setdefault(principal, []).append(binding)
        return found


class AccessSource(Protocol):
    """Says what the bindings are now; a change counts at the next question."""

    def read(self) -> Access:
        """Return them; raise InputError or TrustError when they cannot be read, so that nobody holds anything."""
        ...


async def require(
    principals: Principals, principal_id: str, permission: str, place: Place = ANYWHERE
) -> Principal:
    """Return a principal who is active and holds a permission at a place, today; raise TrustError for any other."""
    found = await principals.get(principal_id, place)
    if found is None:
        raise TrustError(f"nobody knows {principal_id}", reason="unknown-principal")
    if found.state is not Lifecycle.ACTIVE:
        raise TrustError(
            f"{found.id} is {found.state}",
            hint=f"bridle principals show {found.id}",
            reason="principal-not-active",
        )
    if not holds(found.permissions, permission):
        where = f" in the project {place.project}" if place.project else ""
        raise TrustError(
            f"{found.id} does not hold {permission}{where}",
            hint=f"bridle roles check {found.id} {permission}",
            reason="permission-missing",
        )
    return found


class GrantedPrincipals(Principals):
    """The principals with what their roles give them, computed anew at each question."""

    def __init__(self, principals: Principals, access: AccessSource) -> None:
        self._principals = principals
        self._access = access

    async def get(self, principal_id: str, place: Place = ANYWHERE) -> Principal | None:
        found = await self._principals.get(principal_id)
        return None if found is None else self._grant(found, place)

    def boundary(self, place: Place) -> frozenset[str]:
        return self._access.read().boundary_of(place)

    def organisations(self, place: Place) -> tuple[str, ...]:
        return self._access.read().organisations_of(place)

    async def all(self) -> list[Principal]:
        return [self._grant(principal, ANYWHERE) for principal in await self._principals.all()]

    def _grant(self, principal: Principal, place: Place) -> Principal:
        if principal.kind not in BOUND:
            return principal
        own = principal.permissions if principal.kind is PrincipalKind.SERVICE else frozenset()
        access = self._access.read()
        return replace(
            principal,
            permissions=own | access.permissions_of(principal.id, place),
            roles=access.roles_of(principal.id, place),
        )
