"""The register of principals: people add them, change their state and make their keys, each in one signed record.

Rules
  1. Only a person who is active and holds `principal:manage` changes a principal, and never the state of their own.
  2. The record says what was done, by whom, what the principal was (its digest) and is. The control plane signs it, and the
     person with their own key where they have one; the audit verifies both.
  3. The change is a guard of the record: who read an older state than the one that is there changes nothing.
  4. It counts from the next action on: tokens are compared with the principal at each use (trust.tokens).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError, TrustError
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind
from bridle.trust.keys import Verifier
from bridle.trust.lifecycle import Change, change_principal
from bridle.trust.notary import Author, Form, Notary
from bridle.trust.principals import Principal, Principals, RegisterPrincipal

MANAGE = "principal:manage"
ADD = "add"
FORM = Form(
    "bridle/principal/1",
    "the change",
    frozenset({"change", "before", "principal", "key", "by", "name", "asserted", "comment", "person"}),
)


class Registry:
    """The desk at which principals are changed. `principals` are their rows; the notary knows what their roles give, too."""

    def __init__(self, *, journal: Journal, principals: Principals, notary: Notary) -> None:
        self._journal = journal
        self._principals = principals
        self._notary = notary

    async def find(self, principal_id: str) -> Principal:
        """Return a principal; raise InputError when there is none of that id."""
        found = await self._principals.get(principal_id)
        if found is None:
            raise InputError(
                f"there is no principal {principal_id!r}",
                hint="bridle principals list; an agent is one from its first use on",
                reason="unknown-principal",
            )
        return found

    async def add(self, principal: Principal, *, by: Author) -> Principal:
        """Register somebody new; raise InputError when the id is taken."""
        if await self._principals.get(principal.id) is not None:
            raise InputError(
                f"{principal.id} is there already", hint="bridle principals show", reason="known-principal"
            )
        return await self.record(ADD, principal, by=by, guards=[RegisterPrincipal(principal, None)])

    async def change(self, principal_id: str, change: Change, *, by: Author, version: str = "") -> Principal:
        """Make one of the changes of `trust.lifecycle`; raise InputError or TrustError."""
        known = await self.find(principal_id)
        if known.id == by.principal and change is not Change.APPROVE:
            raise TrustError(
                f"{known.id} cannot {change} their own principal",
                hint="somebody else who holds it has to",
                reason="own-principal",
            )
        changed = change_principal(known, change, version=version)
        return await self.record(
            str(change), changed, by=by, before=known, guards=[RegisterPrincipal(changed, known)]
        )

    async def record(
        self,
        change: str,
        after: Principal,
        *,
        by: Author,
        guards: Sequence[Guard],
        before: Principal | None = None,
        key: Json = None,
    ) -> Principal:
        """Record one signed change with its guards; `key` is the key that is made or revoked. Raise TrustError or InputError."""
        speaker = await self._notary.hear(by, MANAGE)
        body: dict[str, Json] = {
            "change": change,
            "before": digest(before.to_json()) if before else "",
            "principal": after.to_json(),
            "key": key,
            "comment": by.comment,
            **speaker.to_json(),
        }
        signed = self._notary.sign(FORM, body, speaker.person)
        try:
            await self._journal.append([Entry(Kind.PRINCIPAL_CHANGED, "", after.id, signed)], guards)
        except GuardError as error:
            raise InputError(
                f"{after.id} was changed meanwhile", hint="look at it and decide again", reason="not-current"
            ) from error
        return after


def check_change(body: Mapping[str, Json], *, control_plane: Verifier) -> Principal:
    """Return the principal as the record leaves it; raise TrustError unless all who had to have signed it."""
    FORM.check(body, control_plane=control_plane)
    after = body["principal"]
    assert isinstance(after, Mapping)
    return Principal.from_json(after)
