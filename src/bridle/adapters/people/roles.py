"""Roles in the configuration folder: `roles.yaml` says who may do what, and where.

    roles:           {deployer: [command:run, git:push, "mcp:k8s.*"]}
    groups:          {release: [user:ana, user:ben]}
    organisations:   {acme: [shop, billing]}                       an organisation's projects
    resource_groups: {production: {types: [production]}, eu: {environments: ["eu-*"], projects: [shop]}}
    boundaries:      {shop: ["file:*", command:run, model:call, "mcp:crm.*"]}    what no token in a project goes beyond
    bindings:
      - {principal: user:ana, role: owner}
      - {group: release, role: deployer, resource_group: production}

Rules
  1. The file is ours and nobody else may write to it, or it is refused.
  2. What is misshapen, unknown or not there is refused with its name, and nobody holds anything then.
  3. It is looked at for every question, and read again when it changed.
  4. Without the file, or without `bindings` in it, the operating system's user is the owner of the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bridle.adapters.people.own_file import OwnFile
from bridle.adapters.people.quick_yaml import read_yaml
from bridle.core.errors import InputError
from bridle.trust.access import OWNER, ROLES, Access, AccessSource, Binding, ResourceGroup
from bridle.trust.permissions import check_permission
from bridle.trust.principals import PrincipalKind, check_principal_id

PARTS = ("roles", "groups", "organisations", "resource_groups", "boundaries", "bindings")
TYPES = ("production", "non-production", "none")
PLACES = ("organisation", "project", "resource_group")


class RolesFile(AccessSource):
    """Implements `trust.access.AccessSource`; `user` is the id of the operating system's user."""

    def __init__(self, folder: Path, *, user: str) -> None:
        self._file = folder / "roles.yaml"
        self._user = user
        self._own = OwnFile(self._file, self._parse)

    def read(self) -> Access:
        return self._own.read()

    def _parse(self, text: str) -> Access:
        content = read_yaml(text, where=str(self._file))
        content = self._mapping(content or {}, "the file", PARTS)
        parts = {name: self._mapping(content.get(name) or {}, name) for name in PARTS[:-1]}
        access = Access(
            bindings=(),
            roles={**ROLES, **{name: self._role(name, words) for name, words in parts["roles"].items()}},
            groups={name: self._members(name, ids) for name, ids in parts["groups"].items()},
            organisations={
                name: frozenset(self._texts(projects, name))
                for name, projects in parts["organisations"].items()
            },
            resource_groups={
                name: self._resource_group(name, body) for name, body in parts["resource_groups"].items()
            },
            boundaries={name: self._words(name, words) for name, words in parts["boundaries"].items()},
        )
        return Access(**{**vars(access), "bindings": self._bindings(content.get("bindings"), access)})

    def _bindings(self, found: Any, access: Access) -> tuple[Binding, ...]:
        if found is None:
            return (Binding(OWNER, principal=self._user),)
        if not isinstance(found, list):
            raise self._wrong("bindings must be a list")
        return tuple(self._binding(item, access) for item in found)

    def _binding(self, item: Any, access: Access) -> Binding:
        fields = self._mapping(item, "a binding", ("principal", "group", "role", *PLACES))
        binding = (
            Binding(**{name: str(value) for name, value in fields.items()}) if "role" in fields else None
        )
        if binding is None or bool(binding.principal) == bool(binding.group):
            raise self._wrong("a binding names a role, and one of principal and group")
        if sum(bool(getattr(binding, name)) for name in PLACES) > 1:
            raise self._wrong(f"a binding of {binding.role} names more than one place")
        if binding.principal:
            self._bound(binding.principal)
        for name, known in (
            ("role", access.roles),
            ("group", access.groups),
            ("organisation", access.organisations),
            ("resource_group", access.resource_groups),
        ):
            if getattr(binding, name) and getattr(binding, name) not in known:
                raise self._wrong(f"there is no {name} {getattr(binding, name)!r}")
        return binding

    def _role(self, name: str, words: Any) -> frozenset[str]:
        if name in ROLES:
            raise self._wrong(f"the role {name} ships, and is not made anew: give yours another name")
        return self._words(name, words)

    def _words(self, name: str, words: Any) -> frozenset[str]:
        return frozenset(
            check_permission(word, where=f"{self._file}: {name}") for word in self._texts(words, name)
        )

    def _members(self, name: str, ids: Any) -> frozenset[str]:
        return frozenset(self._bound(principal) for principal in self._texts(ids, name))

    def _bound(self, principal: str) -> str:
        kind, _ = check_principal_id(principal)
        if kind not in (PrincipalKind.USER, PrincipalKind.SERVICE):
            raise self._wrong(f"{principal} has no roles: an agent's rights are its file's")
        return principal

    def _resource_group(self, name: str, body: Any) -> ResourceGroup:
        fields = self._mapping(body, name, ("projects", "environments", "types"))
        given = {key: self._texts(value, f"{name}.{key}") for key, value in fields.items()}
        if not given or not all(given.values()):
            raise self._wrong(f"the resource group {name} names nothing: it would hold everything")
        self._check(given.get("types", ()), TYPES, f"{name}.types")
        return ResourceGroup(**given)

    def _texts(self, value: Any, what: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(f"{what} must be a list of texts")
        return tuple(value)

    def _mapping(self, value: Any, what: str, known: Iterable[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self._wrong(f"{what} must be a mapping")
        if known:
            self._check(value, known, what)
        return value

    def _check(self, found: Iterable[str], known: Iterable[str], what: str) -> None:
        for word in found:
            if word not in known:
                raise self._wrong(f"{what} has no {word!r}: it has {', '.join(known)}")

    def _wrong(self, what: str) -> InputError:
        return InputError(
            what, where=str(self._file), hint="repair the file by hand: bridle roles list", reason="bad-roles"
        )
