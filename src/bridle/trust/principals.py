"""Principals: who can act. Durable rows, not sessions; the version is a property, not part of the id.

A principal's id is `<kind>:<name>`: `user:ana`, `agent:bridle.ci-autofix`, `delegate:local`, `service:bridle`.
Permissions are words such as `file:edit`, one per kind of thing a tool may do (see the tool manifests).
`asserted` says that nobody but the operating system vouches for a name: no rule that wants two persons
accepts such a principal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from bridle.core.canonical import Json


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
    """One who can act. `version` and `digest` name the approved definition of an agent, else they are empty.

    `public_key` is the hexadecimal Ed25519 key of a delegate, else empty.
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
        )


@dataclass(frozen=True)
class RegisterPrincipal:
    """Guard: store this version of a principal; an agent's or delegate's earlier versions stay readable."""

    principal: Principal

    @property
    def guards(self) -> str:
        return f"principal {self.principal.id}"


class Principals(Protocol):
    """Reads principals. Writing is a guard of the journal."""

    async def get(self, principal_id: str) -> Principal | None:
        """Return the newest registered version, or None."""
        ...
