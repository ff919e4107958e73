"""The vault: from a secret's reference to its value, here and nowhere else.

Rules
  1. A value is told to the redactor before anybody gets it.
  2. A file that others can read is refused, as is an empty value: neither is a secret.
  3. Values are read at each use, so that a rotated secret works at once; nothing is kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.core.errors import InputError, UnavailableError
from bridle.trust.keys import read_private
from bridle.trust.secrets import SecretStore, parse_reference

if TYPE_CHECKING:
    from bridle.trust.redaction import Redactor


class Vault:
    """Resolves references; `environ` is the delegate's own environment unless another is given."""

    def __init__(self, redactor: Redactor, *, environ: Mapping[str, str] | None = None) -> None:
        self._redactor = redactor
        self._environ = os.environ if environ is None else environ

    def resolve(self, reference: str) -> str:
        """Return the value of `env:NAME` or `file:/path`.

        Raise InputError when it is no reference, UnavailableError when nothing is there, TrustError for a
        file that others may read.
        """
        parsed = parse_reference(reference)
        if parsed.store is SecretStore.ENV:
            value = self._environ.get(parsed.name, "")
        else:
            value = _text(read_private(Path(parsed.name)), str(parsed))
        if not value:
            raise UnavailableError(
                f"there is no secret at {parsed}",
                hint=f"set it where the delegate runs ({parsed})",
                reason="secret-missing",
            )
        self._redactor.add(str(parsed), value)
        return value


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise InputError("the secret is no text", where=where, hint="store it as UTF-8") from exc
