"""The vault: from a secret's reference or name to its value, here and nowhere else.

Rules
  1. A value is told to the redactor before anybody gets it.
  2. A file that others can read is refused, as is an empty value: neither is a secret.
  3. Values are read at each use, so that a rotated secret works at once; nothing is kept.
  4. A secret that a pipeline names NAME is the variable BRIDLE_SECRET_NAME of the delegate, else the file `secrets/NAME` in its
     configuration folder. Nothing is guessed: a name that is no variable's (`account.x`) is a file's.
  5. Every named secret is masked from the start, whether it is used or not: a command may have left it in the workspace before
     this process began. One that cannot be masked cannot be used either.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bridle.core.errors import InputError, TrustError, UnavailableError
from bridle.trust.keys import read_private
from bridle.trust.secrets import NAMED, SecretStore, parse_reference

if TYPE_CHECKING:
    from bridle.trust.redaction import Redactor

VARIABLE = "BRIDLE_SECRET_"
_PLAIN_NAME = re.compile(r"\w+", re.ASCII)


class Vault:
    """Resolves references and names; `environ` is the delegate's own environment unless another is given.

    `folder` holds one file for each named secret.
    """

    def __init__(
        self, redactor: Redactor, *, environ: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self._redactor = redactor
        self._environ = os.environ if environ is None else environ
        self._folder = folder
        self._seen: dict[str, object] = {}

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

    def resolve_named(self, name: str) -> str:
        """Return the value of the secret that pipelines call `name`.

        Raise InputError when no place has it or it cannot be masked, TrustError for a file that others may read.
        """
        value = self._environ.get(f"{VARIABLE}{name}", "")
        if not value and self._folder is not None and (self._folder / name).exists():
            value = _read_named(self._folder / name, name)
        if not value:
            variable = f"the variable {VARIABLE}{name}, or " if _PLAIN_NAME.fullmatch(name) else ""
            raise InputError(
                f"there is no secret {name!r} at this delegate",
                hint=f"put it where the delegate runs: {variable}the file secrets/{name} in its configuration folder",
                reason="no-such-secret",
            )
        self._redactor.add(name, value)
        return value

    def know(self) -> None:
        """Mask every named secret that is there now, and was not or was another when this was asked last."""
        for name, place, version in self._list():
            if self._seen.get(place) == version:
                continue
            self._seen[place] = version
            try:
                self.resolve_named(name)
            except (InputError, TrustError):
                continue  # no command is given it as long as this is so: see rule 5

    def _list(self) -> Iterator[tuple[str, str, object]]:
        """Yield the names there are, each with its place and what changes there when its value does."""
        if self._folder is not None and self._folder.is_dir():
            for path in sorted(self._folder.iterdir()):
                info = path.lstat()
                yield path.name, str(path), (info.st_ino, info.st_mtime_ns, info.st_mode)
        for variable, value in self._environ.items():
            if variable.startswith(VARIABLE):
                yield variable.removeprefix(VARIABLE), variable, value


def has_named(text: str) -> bool:
    """True when a named secret stands in a text."""
    return NAMED.search(text) is not None


def _read_named(path: Path, name: str) -> str:
    """Read a named secret's file; the error names the secret, since a record must hold no path of this machine."""
    try:
        return _text(read_private(path), name)
    except TrustError as error:
        raise TrustError(
            f"the file of the secret {name!r} is refused: {error.what}",
            hint=f"make secrets/{name} a file of the delegate's user that nobody else may read (chmod 600)",
            reason="secret-not-private",
        ) from error


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as exc:
        raise InputError("the secret is no text", where=where, hint="store it as UTF-8") from exc
