"""Principals: who can act. Durable rows, not sessions; the version is a property, not part of the id.

A principal's id is `<kind>:<name>`: `user:ana`, `agent:bridle.ci-autofix`, `delegate:local`, `service:bridle`.
Permissions are words such as `file:edit`, one per kind of thing a tool may do (see the tool manifests).
`asserted` says that nobody but the operating system vouches for a name: no rule that wants two persons
accepts such a principal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.errors import InputError

NAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII
)  # an operating system's user may have capitals


class PrincipalKind(StrEnum):
    USER = "user"
    AGENT = "agent"
    DELEGATE = "delegate"
    SERVICE = "service"


class Lifecycle(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


@dataclass(frozen=True)
class Principal:
    """One who can act. `version` and `digest` name the definition that an agent acts by, else they are empty; `approved` are the
    digests of those that somebody has approved.

    `purpose` says what it is there for. `public_key` is the hexadecimal Ed25519 key of a delegate, else empty. Keys that it
    authenticates with are kept by digest, apart (`trust.credentials`), and so are the policy sets bound to it (`trust.bindings`).
    `roles` is why it holds what it holds at a place: role, through whom, where (`trust.access`); it is no part of the row.
    """

    kind: PrincipalKind
    name: str
    owner: str
    permissions: frozenset[str]
    state: Lifecycle = Lifecycle.ACTIVE
    version: str = ""
    digest: str = ""
    public_key: str = ""
    asserted: bool = False
    purpose: str = ""
    approved: frozenset[str] = frozenset()
    roles: tuple[tuple[str, str, str], ...] = field(default=(), compare=False)

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"

    def to_json(self) -> dict[str, Json]:
        """Return the principal as the journal records it."""
        return {
            "id": self.id,
            "kind": str(self.kind),
            "name": self.name,
            "owner": self.owner,
            "version": self.version,
            "digest": self.digest,
            "state": str(self.state),
            "permissions": sorted(self.permissions),
            "public_key": self.public_key,
            "asserted": self.asserted,
            "purpose": self.purpose,
            "approved": sorted(self.approved),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Principal:
        """Read what `to_json` wrote."""
        return cls(
            kind=PrincipalKind(body["kind"]),
            name=body["name"],
            owner=body["owner"],
            permissions=frozenset(body["permissions"]),
            state=Lifecycle(body["state"]),
            version=body["version"],
            digest=body["digest"],
            public_key=body["public_key"],
            asserted=body["asserted"],
            purpose=body.get("purpose", ""),  # the last two: a record made before they were
            approved=frozenset(body.get("approved", ())),
        )


@dataclass(frozen=True)
class RegisterPrincipal:
    """Guard: store what a principal is from now on, if it still is what it `replaces`; None is one that nobody knew.

    What it was stays readable. Without the comparison, whoever read it before a suspension could put it back.
    """

    principal: Principal
    replaces: Principal | None
    guards = "principal {0.principal.id}"


@dataclass(frozen=True)
class Place:
    """Where an action has its effect: the project of its execution, and the environment that its stage deploys to.

    `type` is production or non-production, empty for what deploys nowhere. A place that says nothing is `ANYWHERE`.
    """

    project: str = ""
    environment: str = ""
    type: str = ""

    @classmethod
    def of(cls, project: str, deployment: Mapping[str, Any] | None) -> Place:
        """Return the place of an action; what deploys, and does not say whereto, is taken for production."""
        if not deployment:
            return cls(project)
        return cls(
            project, str(deployment.get("environment") or ""), str(deployment.get("type") or "production")
        )


ANYWHERE = Place()
EVERYTHING = frozenset({"*"})


class Principals(Protocol):
    """Reads principals. Writing is a guard of the journal."""

    async def get(self, principal_id: str, place: Place = ANYWHERE) -> Principal | None:
        """Return the principal as it is now, with what it may do at a place, or None."""
        ...

    def boundary(self, place: Place) -> frozenset[str]:
        """Return what nobody's token goes beyond there, whatever they hold."""
        ...

    def organisations(self, place: Place) -> tuple[str, ...]:
        """Return the organisations that a place's project belongs to."""
        ...

    async def all(self) -> list[Principal]:
        """Return every principal as it is now, by id."""
        ...


def check_principal_id(text: str) -> tuple[PrincipalKind, str]:
    """Return kind and name of an id such as `service:ci`; raise InputError when it is none."""
    kind, _, name = text.partition(":")
    if kind not in [str(known) for known in PrincipalKind] or not NAME.fullmatch(name):
        raise InputError(
            f"{text[:80]!r} is no id of a principal",
            hint="write KIND:NAME with the kind user, service, agent or delegate: service:ci",
            reason="bad-principal",
        )
    return PrincipalKind(kind), name
