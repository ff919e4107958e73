"""People with real keys, without files."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridle.trust.keys import Signer
from bridle.trust.people import Person


@dataclass
class PeopleInMemory:
    """Implements `trust.people.People`: what the folder does, in memory."""

    known: dict[str, tuple[Person, Signer]] = field(default_factory=dict)

    def add(self, name, *, account="", groups=(), attributes=()):
        signer = Signer(Ed25519PrivateKey.generate())
        key = signer.verifier.raw.hex()
        self.known[name] = (Person(name, account or name, tuple(groups), tuple(attributes), key), signer)
        return self.known[name][0]

    def find(self, name):
        return self.known[name][0] if name in self.known else None

    def all(self):
        return [person for person, _ in self.known.values()]

    def sign(self, name, content):
        return self.known[name][1].sign_json(content)
