"""Secret outputs: what a script wrote to its secret file. The value stays at the delegate; others get a placeholder.

Rules
  1. A value is masked from then on in every text of its execution that goes through a delegate, also after a restart and
     on another machine. Therefore it is kept, sealed (AES-256-GCM, bound to execution and action) with a key that is
     derived from the redaction key. A delegate that cannot open what was kept works no more for that execution.
  2. `[secret-output:<16 hex>:NAME]` stands for it. The digits are of the action that wrote it, so that two steps, or two
     branches, may use the same name.
  3. A placeholder is filled in the `env` of a command alone, for the execution that wrote it, and never for an agent: it
     could print the value in a form that no redaction knows. In a script it is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridle.core.canonical import canonical
from bridle.core.errors import InputError, TrustError
from bridle.delegate.disk import full_disk_named, sync_folder, write_whole

if TYPE_CHECKING:
    from bridle.trust.redaction import Redactor

PLACEHOLDER = re.compile(r"\[secret-output:[0-9a-f]{16}:[A-Za-z_][A-Za-z0-9_.-]{0,199}\]")
_NONCE_BYTES = 12


class SecretOutputs:
    """The secret outputs of all executions, sealed in a folder."""

    def __init__(self, folder: Path, *, key: bytes, redactor: Redactor) -> None:
        self._folder = folder
        self._cipher = AESGCM(hmac.new(key, b"bridle secret outputs", hashlib.sha256).digest())
        self._redactor = redactor
        self._values: dict[str, dict[str, str]] = {}
        self._seen: dict[Path, tuple[int, int]] = {}

    def keep(self, execution: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        """Keep what the action with this key wrote; return the placeholders by name."""
        if not values:
            return {}
        part = hashlib.sha256(action.encode()).hexdigest()[:16]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, canonical(dict(values)), f"{execution}/{part}".encode())
        folder = self._folder_of(execution)
        with full_disk_named(str(self._folder)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / part, sealed)
        sync_folder(folder)
        sync_folder(self._folder)
        self.know(execution)
        return {name: f"[secret-output:{part}:{name}]" for name in values}

    def know(self, execution: str) -> None:
        """Mask what the execution has kept, whoever kept it; raise TrustError for what cannot be opened."""
        folder = self._folder_of(execution)
        if not folder.exists():
            return
        for path in folder.glob("[0-9a-f]*"):
            info = path.stat()
            if self._seen.get(path) == (info.st_ino, info.st_mtime_ns):
                continue
            for name, value in self._open(path, execution).items():
                self._redactor.add(f"output:{name}", value)
                self._values.setdefault(execution, {})[f"[secret-output:{path.name}:{name}]"] = value
            self._seen[path] = (info.st_ino, info.st_mtime_ns)

    def fill(self, execution: str, text: str) -> str:
        """Put values in the place of placeholders; raise InputError for one that this execution did not write."""
        return PLACEHOLDER.sub(lambda found: self._value(execution, found[0]), text)

    def _value(self, execution: str, placeholder: str) -> str:
        known = self._values.get(execution, {})
        if placeholder not in known:
            raise InputError(
                f"this execution has no secret output {placeholder}",
                hint="use the placeholder that the step returned which wrote it",
                reason="no-such-secret-output",
            )
        return known[placeholder]

    def _open(self, path: Path, execution: str) -> dict[str, str]:
        sealed = path.read_bytes()
        try:
            opened = self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], f"{execution}/{path.name}".encode()
            )
        except (InvalidTag, ValueError) as exc:
            raise TrustError(
                "the secret outputs of this execution cannot be opened, so they could not be masked",
                where=str(path),
                hint="give all machines that share a store the same redaction.key",
                reason="secret-outputs-sealed",
            ) from exc
        return {str(name): str(value) for name, value in json.loads(opened).items()}

    def _folder_of(self, execution: str) -> Path:
        return self._folder / hashlib.sha256(execution.encode()).hexdigest()


def has_placeholder(text: str) -> bool:
    """True when a secret output is named in a text."""
    return PLACEHOLDER.search(text) is not None
