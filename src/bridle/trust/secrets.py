"""Secret references: the name of a secret, never its value.

    env:NAME       a variable in the delegate's environment
    file:/path     a file that only the delegate's user may read (0600)

Whoever holds a reference knows where a secret lies and nothing else. Values exist in the delegate's vault.

A pipeline knows less, a secret's name: `<<secret:NAME>>` stands for the value, and each delegate has its own place for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bridle.core.errors import InputError

NAMED = re.compile(r"<<secret:([A-Za-z0-9_][A-Za-z0-9_.-]{0,255})>>")
"""What stands for a named secret in text; see `pipeline.lookup`, which writes it."""


class SecretStore(StrEnum):
    ENV = "env"
    FILE = "file"


_FORMS = {
    SecretStore.ENV: re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}"),
    SecretStore.FILE: re.compile(r"/[^\0\n]{1,4000}"),
}


@dataclass(frozen=True)
class SecretReference:
    """Where a secret lies: the store and its name there."""

    store: SecretStore
    name: str

    def __str__(self) -> str:
        return f"{self.store}:{self.name}"


def parse_reference(text: str) -> SecretReference:
    """Read a reference; the InputError never repeats `text`, which may be a secret put there by mistake."""
    store, _, name = text.partition(":")
    if store not in _FORMS or not _FORMS[SecretStore(store)].fullmatch(name):
        raise InputError(
            "this is not a secret reference",
            hint="write env:NAME or file:/absolute/path; a secret's value never belongs in a configuration",
            reason="bad-secret-reference",
        )
    return SecretReference(SecretStore(store), name)
