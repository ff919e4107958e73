"""People: who they are to this installation, which groups they are in, what they hold, and the key they sign with.

The port is read by the desk that takes verdicts. A verdict carries the person as they were then, signed by their key and by
the control plane, so that an audit needs no list of people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bridle.core.canonical import Json
from bridle.core.errors import InputError
from bridle.trust.keys import Signature

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


@dataclass(frozen=True)
class Person:
    """A person with a key. `account` is the operating system's user they work as, `key` the public key in hexadecimal."""

    name: str
    account: str
    groups: tuple[str, ...]
    attributes: tuple[str, ...]
    key: str

    def to_json(self) -> dict[str, Json]:
        return {**vars(self), "groups": list(self.groups), "attributes": list(self.attributes)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Person:
        """Read what `to_json` wrote."""
        lists = {name: tuple(content[name]) for name in ("groups", "attributes")}
        return cls(name=content["name"], account=content["account"], key=content["key"], **lists)


class People(Protocol):
    """Finds people, and signs for the one who sits here."""

    def find(self, name: str) -> Person | None:
        """Return the person of that name, or None."""
        ...

    def all(self) -> Sequence[Person]:
        """Return everybody, by name."""
        ...

    def sign(self, name: str, content: Json) -> Signature:
        """Sign with a person's own key; raise TrustError when it cannot be read."""
        ...


def check_name(name: str) -> str:
    """Return `name`; raise InputError unless it can be a person's: lower case, so that no two differ by case alone."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name[:80]!r} is no name of a person",
            hint="use lower-case letters, digits, dots, dashes and underscores: ana, ben.ito",
            reason="bad-name",
        )
    return name
