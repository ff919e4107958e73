"""People in the configuration folder: `people.yaml` says who they are, `people/NAME.key` is what they sign with.

    ana: {account: ana, groups: [release], attributes: [EU-compliance], key: 3f78…}

Rules
  1. The file is ours and nobody else may write to it, or it is refused; the keys follow the rules of `trust.keys`.
  2. A name is lower case; two people have two keys. What is misshapen is refused with its name, nothing is guessed.
  3. It is read at every question: whoever was taken out of a group has no word in it from then on.

Who can read the folder can sign for everybody in it. Delegates' sandboxes cannot; the owner of the machine can.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bridle.adapters.people.own_file import read_own_text
from bridle.core.canonical import Json
from bridle.core.errors import InputError, TrustError
from bridle.core.yaml_text import load_yaml
from bridle.trust.keys import Signature, Verifier, load_signer
from bridle.trust.people import People, Person, check_name

FIELDS = {"account", "groups", "attributes", "key"}


class PeopleFolder(People):
    """Implements `trust.people.People`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "people.yaml"
        self._keys = folder / "people"

    def find(self, name: str) -> Person | None:
        return self._read().get(name)

    def all(self) -> Sequence[Person]:
        return [person for _, person in sorted(self._read().items())]

    def sign(self, name: str, content: Json) -> Signature:
        path = self._key(name)
        if not path.exists():
            raise TrustError(
                f"the key of {name} is not here", where=str(path), hint="approve where it is kept"
            )
        return load_signer(path).sign_json(content)

    def add(self, name: str, *, account: str, groups: Sequence[str], attributes: Sequence[str]) -> Person:
        """Add a person, or change who is there; a key is made once and stays."""
        known = self._read()
        there = known.get(check_name(name))
        key = there.key if there else load_signer(self._key(name)).verifier.raw.hex()
        person = Person(
            name, account or (there.account if there else name), tuple(groups), tuple(attributes), key
        )
        self._write({**known, name: person})
        return person

    def _key(self, name: str) -> Path:
        return self._keys / f"{check_name(name)}.key"

    def _read(self) -> dict[str, Person]:
        text = read_own_text(self._file)
        content = load_yaml(text, where=str(self._file))
        if content is not None and not isinstance(content, Mapping):
            raise self._misshapen("it is not a mapping of names")
        people = {str(name): self._person(str(name), entry) for name, entry in (content or {}).items()}
        if len({person.key for person in people.values()}) != len(people):
            raise self._misshapen("two people have one key, and would count as two")
        return people

    def _person(self, name: str, entry: Any) -> Person:
        check_name(name)
        if not isinstance(entry, Mapping) or not {"key"} <= set(entry) <= FIELDS:
            raise self._misshapen(f"{name} has other keys than {', '.join(sorted(FIELDS))}")
        key = Verifier.from_hex(str(entry["key"])).raw.hex()
        lists = {field: entry.get(field) or [] for field in ("groups", "attributes")}
        if not all(isinstance(items, list) for items in lists.values()):
            raise self._misshapen(f"groups and attributes of {name} must be lists")
        groups, attributes = (tuple(str(item) for item in lists[field]) for field in ("groups", "attributes"))
        return Person(name, str(entry.get("account") or name), groups, attributes, key)

    def _write(self, people: Mapping[str, Person]) -> None:
        """Write the file whole, for its owner alone."""
        content = {
            name: {key: value for key, value in person.to_json().items() if key != "name"}
            for name, person in sorted(people.items())
        }
        text = io.StringIO()
        YAML().dump(content, text)
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(fd)
        temporary.replace(self._file)

    def _misshapen(self, what: str) -> InputError:
        return InputError(what, where=str(self._file), hint="repair the file by hand", reason="bad-people")
