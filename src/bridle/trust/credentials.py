"""Keys that a program authenticates with as a user or a service account.

Rules
  1. A key is a fixed prefix, 256 random bits and a checksum. The prefix lets scanners find one that was lost, the checksum tells
     a mistyped key from an unknown one without asking the store.
  2. It is shown once. The store keeps its SHA-256, which nobody can turn back: the bits are random, so no slow hash is needed.
  3. It authenticates until it expires or is revoked, and only while its principal is active. Who holds no key that is known is
     told no more than that.
  4. Agents and delegates have none: an agent acts with the tokens of its executions, a delegate signs.

Making and revoking one is a signed record (trust.registry).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bridle.core.canonical import Json
from bridle.core.clock import Clock, iso
from bridle.core.errors import InputError, TrustError
from bridle.core.ids import new_id
from bridle.trust.notary import Author
from bridle.trust.principals import Lifecycle, Principal, PrincipalKind, Principals
from bridle.trust.registry import Registry

PREFIX = "brk_"
FORM = re.compile(rf"({PREFIX}[A-Za-z0-9_-]{{43}})([0-9a-f]{{8}})", re.ASCII)
USED_EVERY = timedelta(minutes=1)  # a call a millisecond must not be a write a millisecond
HOLDERS = (PrincipalKind.USER, PrincipalKind.SERVICE)


@dataclass(frozen=True)
class Credential:
    """What is known of a key. The key itself is not here."""

    id: str
    principal: str
    sha256: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the key as its records and `bridle principals show` have it."""
        times = {name: value for name, value in vars(self).items() if name.endswith("_at")}
        return {**vars(self), **{name: at and iso(at) for name, at in times.items()}}


@dataclass(frozen=True)
class StoreCredential:
    """Guard: store a new key's digest."""

    credential: Credential
    guards = "key {0.credential.id}"


@dataclass(frozen=True)
class RevokeCredential:
    """Guard: revoke a key that has not been revoked."""

    id: str
    at: datetime
    guards = "key {0.id}"


class Credentials(Protocol):
    """Finds keys by the digest of their secret, by id and by principal."""

    async def find(self, sha256: str) -> Credential | None: ...

    async def get(self, credential_id: str) -> Credential | None: ...

    async def of(self, principal: str) -> list[Credential]:
        """Return a principal's keys, the oldest first."""
        ...

    async def note_use(self, credential_id: str, at: datetime) -> None: ...


@dataclass(frozen=True)
class MadeKey:
    """A new key with its secret, which exists only here and where it is printed."""

    credential: Credential
    secret: str = field(repr=False)


class KeyDesk:
    """Makes and revokes keys, for people who may change principals."""

    def __init__(self, registry: Registry, credentials: Credentials, clock: Clock) -> None:
        self._registry = registry
        self._credentials = credentials
        self._clock = clock

    async def issue(self, principal_id: str, *, lifetime: timedelta, by: Author) -> MadeKey:
        """Make a key for a user or a service account; raise InputError for anybody else."""
        principal = await self._registry.find(principal_id)
        if principal.kind not in HOLDERS:
            raise InputError(
                f"{principal.id} has no keys: an agent acts with the tokens of its executions",
                hint="make a service account: bridle principals add service:NAME",
                reason="no-keys",
            )
        now = self._clock.now()
        secret = make_secret()
        credential = Credential(new_id("key"), principal.id, hash_key(secret), now, now + lifetime)
        await self._registry.record(
            "issue-key", principal, by=by, key=credential.to_json(), guards=[StoreCredential(credential)]
        )
        return MadeKey(credential, secret)

    async def revoke(self, credential_id: str, *, by: Author) -> Credential:
        """Revoke a key; raise InputError when there is none of that id, or it was revoked before."""
        found = await self._credentials.get(credential_id)
        if found is None:
            raise InputError(f"there is no key {credential_id!r}", hint="bridle principals show lists them")
        principal = await self._registry.find(found.principal)
        now = self._clock.now()
        said: dict[str, Json] = {**found.to_json(), "revoked_at": iso(now)}
        await self._registry.record(
            "revoke-key", principal, by=by, key=said, guards=[RevokeCredential(found.id, now)]
        )
        return found


class Authentication:
    """Tells whose key a secret is."""

    def __init__(self, credentials: Credentials, principals: Principals, clock: Clock) -> None:
        self._credentials = credentials
        self._principals = principals
        self._clock = clock

    async def authenticate(self, secret: str) -> Principal:
        """Return the principal as they are now; raise TrustError for a key that is none, has expired or was revoked, and for a
        principal who is not active."""
        check_form(secret)
        found = await self._credentials.find(hash_key(secret))
        now = self._clock.now()
        if found is None:
            raise TrustError("nobody has this key", hint="bridle principals key makes one", reason="bad-key")
        if found.revoked_at is not None or now >= found.expires_at:
            what = "was revoked" if found.revoked_at is not None else "has expired"
            raise TrustError(f"the key {found.id} {what}", hint="bridle principals key", reason="bad-key")
        principal = await self._principals.get(found.principal)
        if principal is None or principal.state is not Lifecycle.ACTIVE:
            raise TrustError(
                f"the principal of the key {found.id} is not active", reason="principal-not-active"
            )
        if found.used_at is None or now - found.used_at >= USED_EVERY:
            await self._credentials.note_use(found.id, now)
        return principal


def make_secret() -> str:
    """Return a new key."""
    text = PREFIX + secrets.token_urlsafe(32)
    return f"{text}{_checksum(text)}"


def check_form(secret: str) -> None:
    """Raise TrustError unless this was written by `make_secret`, as far as the text itself can tell."""
    found = FORM.fullmatch(secret)
    if found is None or _checksum(found[1]) != found[2]:
        raise TrustError(
            "that is no key of bridle", hint=f"it begins with {PREFIX}; copy it whole", reason="bad-key"
        )


def hash_key(secret: str) -> str:
    """Return the form in which a key is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
