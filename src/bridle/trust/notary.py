"""A person's signed word: who says something, what exactly is signed of it, and by whom.

Rules
  1. Whoever speaks is active and holds the permission at that place, today.
  2. The control plane signs what it was told, and so does the person who has a key of their own: both the same text.
  3. Where the account wants it (`BRIDLE_VERDICTS=own-keys`), a word that no key of a person signs is refused.
  4. A record counts when it has the fields of its form, no others, and every signature that belongs to it.

Verdicts and decisions about failed steps came first: their forms are their own (trust.verdicts, trust.interventions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridle.core.canonical import Json
from bridle.core.errors import TrustError
from bridle.trust.access import require
from bridle.trust.keys import KeyRing, Signature, Signer, Verifier
from bridle.trust.people import People, Person
from bridle.trust.principals import ANYWHERE, Place, Principal, PrincipalKind, Principals


@dataclass(frozen=True)
class Author:
    """Who says something: the principal the operating system vouches for, and what they call themselves."""

    principal: str
    name: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Speaker:
    """Who says something, as they stand now. `called` is what they call themselves, `person` who signs with their own key."""

    principal: Principal
    called: str
    person: Person | None

    @property
    def name(self) -> str:
        return self.called or self.principal.name

    @property
    def asserted(self) -> bool:
        """True when nobody vouches for it that it is them: neither a key nor the operating system."""
        return self.person is None and (self.principal.asserted or self.called != "")

    def to_json(self) -> dict[str, Json]:
        """Return what a record holds of them."""
        return {
            "by": self.principal.id,
            "name": self.name,
            "asserted": self.asserted,
            "person": self.person.to_json() if self.person else None,
        }


@dataclass(frozen=True)
class Form:
    """What is signed of one kind of record: its type and its fields, `person` among them. `what` is its name in a message."""

    type: str
    what: str
    fields: frozenset[str]

    def words(self, body: Mapping[str, Json]) -> dict[str, Json]:
        """Return what is signed."""
        return {"type": self.type, **{name: body[name] for name in sorted(self.fields)}}

    def check(self, body: Mapping[str, Json], *, control_plane: Verifier) -> None:
        """Raise TrustError unless the record is of this form, and signed by all who had to."""
        signatures, person = body.get("signatures"), body.get("person")
        if not isinstance(signatures, Mapping) or set(body) != self.fields | {"signatures"}:
            raise TrustError(f"{self.what} is not signed", reason="bad-signature")
        control_plane.verify_json(self.words(body), Signature.from_json(signatures.get("control_plane")))
        if person is None:
            return
        if not isinstance(person, Mapping):
            raise TrustError(f"{self.what} does not say whose it is", reason="bad-signature")
        key = Verifier.from_hex(Person.from_json(person).key)
        key.verify_json(self.words(body), Signature.from_json(signatures.get("person")))


@dataclass(kw_only=True)
class Notary:
    """Takes people's words, and has them signed."""

    principals: Principals
    people: People
    signer: Signer
    own_keys: bool = False

    @property
    def keys(self) -> KeyRing:
        """The control plane's keys, by which what was signed is read again."""
        return self.signer.keys

    async def hear(self, by: Author, permission: str, place: Place = ANYWHERE) -> Speaker:
        """Return who speaks; raise TrustError unless they may, and sign as the account wants it."""
        principal = await require(self.principals, by.principal, permission, place)
        return Speaker(principal, by.name, self.find_signer(by.name))

    def find_signer(self, name: str) -> Person | None:
        """Return who signs as `name`, None for one who only says so; raise TrustError where that is not enough."""
        person = self.people.find(name) if name else None
        if person is None and self.own_keys:
            raise TrustError(
                "a word counts here only when it is signed with a person's own key",
                hint="give --as NAME; bridle people add NAME makes the key",
                reason="own-key-wanted",
            )
        return person

    def sign(self, form: Form, body: Mapping[str, Json], person: Person | None) -> dict[str, Json]:
        """Return a record's body with all signatures that belong to it."""
        words = form.words(body)
        signatures: dict[str, Json] = {"control_plane": self.signer.sign_json(words).to_json()}
        if person is not None:
            signatures["person"] = self.people.sign(person.name, words).to_json()
        return {**body, "signatures": signatures}

    def sign_alone(self, person: Person, words: Json) -> dict[str, Json]:
        """Return a person with their signature of what only they sign."""
        return {**person.to_json(), "signature": self.people.sign(person.name, words).to_json()}


def require_person(principal: Principal) -> None:
    """Raise TrustError unless it is a person's principal: an agent gives no word, whatever it holds."""
    if principal.kind is not PrincipalKind.USER:
        raise TrustError(f"{principal.id} is not a person", reason="not-a-person")
