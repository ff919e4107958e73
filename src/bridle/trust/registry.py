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
from dataclasses import dataclass

from bridle.core.canonical import Json, digest
from bridle.core.errors import InputError, TrustError
from bridle.trust.access import require
from bridle.trust.journal import Entry, Guard, GuardError, Journal, Kind
from bridle.trust.keys import Signature, Signer, Verifier
from bridle.trust.lifecycle import Change, change_principal
from bridle.trust.people import People, Person, find_signer
from bridle.trust.principals import Principal, Principals, RegisterPrincipal

MANAGE = "principal:manage"
ADD = "add"
FIELDS = {"change", "before", "principal", "key", "by", "name", "asserted", "comment", "person"}


@dataclass(frozen=True)
class Author:
    """Who makes a change: the principal the operating system vouches for, and what they call themselves."""

    principal: str
    name: str = ""
    comment: str = ""


class Registry:
    """The desk at which principals are changed. `principals` are their rows, `authors` those with what their roles give."""

    def __init__(
        self,
        *,
        journal: Journal,
        principals: Principals,
        authors: Principals,
        people: People,
        signer: Signer,
        own_keys: bool = False,
    ) -> None:
        self._journal = journal
        self._principals = principals
        self._authors = authors
        self._own_keys = own_keys
        self._people = people
        self._signer = signer

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
        author = await require(self._authors, by.principal, MANAGE)
        person = find_signer(self._people, by.name, own_keys=self._own_keys)
        body: dict[str, Json] = {
            "change": change,
            "before": digest(before.to_json()) if before else "",
            "principal": after.to_json(),
            "key": key,
            "by": by.principal,
            "name": by.name or author.name,
            "asserted": person is None and (author.asserted or by.name != ""),
            "comment": by.comment,
            "person": person.to_json() if person else None,
        }
        signed = sign_change(self._signer, body, people=self._people, person=person)
        try:
            await self._journal.append([Entry(Kind.PRINCIPAL_CHANGED, "", after.id, signed)], guards)
        except GuardError as error:
            raise InputError(
                f"{after.id} was changed meanwhile", hint="look at it and decide again", reason="not-current"
            ) from error
        return after


def sign_change(
    signer: Signer, body: Mapping[str, Json], *, people: People, person: Person | None
) -> dict[str, Json]:
    """Return the body with the signatures of the control plane and, where they have a key, of the person."""
    signatures: dict[str, Json] = {"control_plane": signer.sign_json(_content(body)).to_json()}
    if person is not None:
        signatures["person"] = people.sign(person.name, _content(body)).to_json()
    return {**body, "signatures": signatures}


def check_change(body: Mapping[str, Json], *, control_plane: Verifier) -> Principal:
    """Return the principal as the record leaves it; raise TrustError unless all who had to have signed it."""
    signatures, person = body.get("signatures"), body.get("person")
    if not isinstance(signatures, Mapping) or set(body) != FIELDS | {"signatures"}:
        raise TrustError("the change is not signed", reason="bad-signature")
    control_plane.verify_json(_content(body), Signature.from_json(signatures.get("control_plane")))
    if isinstance(person, Mapping):
        key = Verifier.from_hex(Person.from_json(person).key)
        key.verify_json(_content(body), Signature.from_json(signatures.get("person")))
    after = body["principal"]
    assert isinstance(after, Mapping)
    return Principal.from_json(after)


def _content(body: Mapping[str, Json]) -> dict[str, Json]:
    return {"type": "bridle/principal/1", **{name: body[name] for name in sorted(FIELDS)}}
