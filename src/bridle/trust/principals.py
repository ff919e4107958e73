"""Principals: who can act. Durable rows, not sessions; the version is a property, not part of the id.

A principal's id is `<kind>:<name>`: `user:ana`, `agent:bridle.ci-autofix`, `delegate:local`, `service:bridle`.
Permissions are words such as `file:edit`, one per kind of thing a tool may do (see the tool manifests).
`asserted` says that nobody but the operating system vouches for a name: no rule that wants two persons
accepts such a principal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
